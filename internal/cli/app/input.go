package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/usherhq/usher/internal/cli/output"
)

// Await returns the result of read, or the error of ctx if ctx ends first. A read from a
// terminal or a pipe cannot be canceled: its goroutine goes on until the process ends.
func Await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := read()
		done <- answer{value, err}
	}()
	select {
	case got := <-done:
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Input reads standard input to its end. On a terminal, a line asks for the events first.
func (a *App) Input(ctx context.Context) ([]byte, error) {
	if in, ok := a.Stdin.(*os.File); ok && output.IsTerminal(in) {
		_, _ = fmt.Fprintln(a.Stderr, "reading events from the keyboard; Ctrl-D ends, Ctrl-C gives up")
	}
	return Await(ctx, func() ([]byte, error) { return io.ReadAll(a.Stdin) })
}
