package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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

// Ask asks a question, and reports whether the answer is yes.
func Ask(ctx context.Context, in io.Reader, out io.Writer, question string) (yes bool, err error) {
	if _, err := fmt.Fprint(out, question+" [y/N] "); err != nil {
		return false, err
	}
	answer, err := Await(ctx, func() (string, error) { return bufio.NewReader(in).ReadString('\n') })
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

// Input reads standard input to its end. On a terminal, a line asks for the events first.
func (a *App) Input(ctx context.Context) ([]byte, error) {
	if in, ok := a.Stdin.(*os.File); ok && output.IsTerminal(in) {
		_, _ = fmt.Fprintln(a.Stderr, "reading events from the keyboard; Ctrl-D ends, Ctrl-C gives up")
	}
	return Await(ctx, func() ([]byte, error) { return io.ReadAll(a.Stdin) })
}
