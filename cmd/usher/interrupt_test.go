package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/natstest"
)

// TestWhatReadsTheKeyboardCanBeGivenUp ends commands that wait for somebody to type.
func TestWhatReadsTheKeyboardCanBeGivenUp(t *testing.T) {
	t.Parallel()
	t.Run("send", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		at, said, ended := newPTY(t), &natstest.Log{}, make(chan error, 1)
		go func() {
			ended <- run(ctx, surroundings{Args: []string{"send"}, Stdin: at.File, Stdout: io.Discard, Stderr: said})
		}()
		w := &world{t: t, log: said}
		w.said("reading events from the keyboard; Ctrl-D ends, Ctrl-C gives up", 1)
		stop()
		if err := <-ended; !errors.Is(err, errInterrupted) || exitCode(err) != exitFailed {
			t.Errorf("got %v, want that it was interrupted", err)
		}
		_, _ = io.WriteString(at.keyboard, "\x04") // lets the read that was left behind end
	})
	t.Run("the answer of forget", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		in, typed := io.Pipe()
		defer func() { _ = typed.Close() }()
		if err := meant(ctx, in, io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was interrupted", err)
		}
	})
}

func TestInterruptedIsOneWord(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	failed := errors.New("it failed")
	if got := interrupted(ctx, failed); !errors.Is(got, failed) {
		t.Errorf("got %v, want what failed", got)
	}
	stop()
	for name, args := range map[string][]string{
		"demo": {"demo", "--events", "5", "--exit"},
		"send": {"send", "--via", "http", "--url", "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := usher(ctx, nil, cloudEvent("user.deleted", "1", `{"user_id":"u1"}`), args...)
			if err == nil || err.Error() != "interrupted" || exitCode(err) != exitFailed {
				t.Errorf("got %v, want interrupted and exit code 1", err)
			}
		})
	}
	if got := interrupted(ctx, failed); strings.Contains(got.Error(), "interrupted") {
		t.Errorf("got %v, want what failed", got)
	}
}
