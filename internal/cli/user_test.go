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

// The message of an event at fault stands once, below all vendors.
func TestEventAtFault(t *testing.T) {
	var out bytes.Buffer
	at := ops.UserAtVendor{State: ops.UserDead, Class: "invalid", Why: "no such course", Do: "correct it", Dead: "events.4377d953"}
	var u ops.User
	for _, name := range []string{"lead", "meiro", "miestro"} {
		at.Vendor = name
		u.Vendors = append(u.Vendors, at)
	}
	if err := newUserPrinter(&app.App{Environment: app.Environment{Stdout: &out}}, app.Output{Format: "table"}, false).vendors(u); err != nil {
		t.Fatal(err)
	}
	want := `VENDOR   STATE                 WHY, AND WHAT TO DO
lead     dead letter, invalid  an event at fault: see below
meiro    dead letter, invalid  an event at fault: see below
miestro  dead letter, invalid  an event at fault: see below
events.4377d953  no such course; to do: correct it
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

// One process that has refused a reload is enough for refused.
func TestWorstOfReload(t *testing.T) {
	for want, outcomes := range map[string][]string{refused: {reloaded, silent, refused}, silent: {reloaded, silent}, reloaded: {gone, reloaded}} {
		var list []reloadOutcome
		for _, outcome := range outcomes {
			list = append(list, reloadOutcome{Outcome: outcome})
		}
		if got := worst(list); got != want {
			t.Errorf("%v: got %q, want %q", outcomes, got, want)
		}
	}
	if got := worst(nil); got != silent {
		t.Errorf("without a process: got %q", got)
	}
}
