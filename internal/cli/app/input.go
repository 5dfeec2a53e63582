package app

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/usherhq/usher/internal/cli/output"
)

// Await is what read returns, or ctx's error where that ends first. A read from
// a terminal or a pipe cannot be broken off, so it is left behind: the process
// ends soon.
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

// Input is all of standard input. Whoever sits before it is told that it is read.
func (a *App) Input(ctx context.Context) ([]byte, error) {
	if in, ok := a.Stdin.(*os.File); ok && output.IsTerminal(in) {
		_, _ = fmt.Fprintln(a.Stderr, "reading events from the keyboard; Ctrl-D ends, Ctrl-C gives up")
	}
	return Await(ctx, func() ([]byte, error) { return io.ReadAll(a.Stdin) })
}
