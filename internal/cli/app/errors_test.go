package app

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	failed := errors.New("it failed")
	if got := Interrupted(ctx, failed); !errors.Is(got, failed) {
		t.Errorf("got %v, want what failed", got)
	}
	stop()
	if got := Interrupted(ctx, failed); !errors.Is(got, failed) {
		t.Errorf("after the end: got %v, want what failed", got)
	}
	if got := Interrupted(ctx, fmt.Errorf("read: %w", context.Canceled)); !errors.Is(got, ErrInterrupted) {
		t.Errorf("got %v, want %v", got, ErrInterrupted)
	}
}
