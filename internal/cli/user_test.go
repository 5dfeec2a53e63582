package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/ops"
)

// An effect shows the time of the next attempt, and the time after which it fails.
func TestReason(t *testing.T) {
	next := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	end := next.Add(time.Hour)
	got := newUserPrinter(&app.App{Environment: app.Environment{Stdout: &bytes.Buffer{}}}, app.Output{}, false).reason(ops.HistoryEvent{Why: "no account yet", Until: &next, GivenUp: &end, Dead: "lead.1"})
	if want := "no account yet; next try at 2026-09-01T08:00:00Z; given up at 2026-09-01T09:00:00Z; usher dead show lead.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
