package main

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/natstest"
)

// TestKeyboardInputIsInterrupted ends commands that wait for somebody to type.
func TestKeyboardInputIsInterrupted(t *testing.T) {
	t.Parallel()
	t.Run("send", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		at, said, ended := newPTY(t), &natstest.Log{}, make(chan error, 1)
		go func() {
			ended <- run(ctx, app.Environment{Args: []string{"send"}, Stdin: at.File, Stdout: io.Discard, Stderr: said})
		}()
		w := &world{t: t, log: said}
		w.waitLog("reading events from the keyboard; Ctrl-D ends, Ctrl-C gives up", 1)
		stop()
		if err := <-ended; !errors.Is(err, app.ErrInterrupted) || cli.ExitCode(err) != cli.ExitFailed {
			t.Errorf("got %v, want that it was interrupted", err)
		}
		_, _ = io.WriteString(at.keyboard, "\x04") // lets the read that was left behind end
	})
}

func TestInterruptedCommand(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for name, args := range map[string][]string{
		"demo": {"demo", "--events", "5", "--exit"},
		"send": {"send", "--via", "http", "--url", "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := usher(ctx, nil, cloudEvent("user.deleted", "1", `{"user_id":"u1"}`), args...)
			if err == nil || err.Error() != "interrupted" || cli.ExitCode(err) != cli.ExitFailed {
				t.Errorf("got %v, want interrupted and exit code 1", err)
			}
		})
	}
}
