package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/ops"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAskToErase(t *testing.T) {
	for answer, want := range map[string]error{"y\n": nil, "Yes \n": nil, "yes": nil, "": ops.ErrNotYet, "\n": ops.ErrNotYet, "n\n": ops.ErrNotYet, "yesterday\n": ops.ErrNotYet} {
		var out strings.Builder
		if got := askToErase(t.Context(), strings.NewReader(answer), &out); !errors.Is(got, want) || !strings.Contains(out.String(), "cannot be undone") {
			t.Errorf("%q: got %v after %q, want %v", answer, got, &out, want)
		}
	}
}

func TestAskToEraseIsInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	in, typed := io.Pipe()
	defer func() { _ = typed.Close() }()
	if err := askToErase(ctx, in, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was interrupted", err)
	}
}
