//go:build chaos_controls

package chaos_test

import (
	"os"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/chaos"
)

// telling are the kinds of violation that at least one of the rules left out leads to.
var telling = []string{
	"resurrected", "missing", "older after newer", "double account", "enrolled twice", "two contents",
	"old data", "enrolled after the end",
}

// frozen is the form in which owners are frozen for longer than their leases, and nothing else
// ends them: a former owner that goes on stays beside the newer one.
func frozen() chaos.Config {
	c := chaos.Short()
	c.Users, c.Span, c.After = 200, 30*time.Second, 5*time.Second
	c.Every, c.Only = 2*time.Second, "pause"
	c.Faults, c.Latency, c.Repeats = 0.05, 150*time.Millisecond, 0.4
	return c
}

// TestControls builds usher without one of the rules that keep "once" (internal/mailbox/record,
// guards.go), and expects the suite to notice in every seed: otherwise the suite proves
// nothing. With all rules the same storms lead to no violation.
func TestControls(t *testing.T) {
	for name, control := range map[string]struct {
		tags    string
		form    func() chaos.Config
		noticed bool
	}{
		"all the rules, with frozen owners":  {"", frozen, false},
		"all the rules, with late creations": {"", chaos.Late, false},
		"without the fencing token":          {"chaos_nofence", frozen, true},
		"without the wait after a takeover":  {"chaos_takeover", chaos.Late, true},
	} {
		t.Run(name, func(t *testing.T) {
			binaries, err := chaos.Build(t.Context(), t.TempDir(), control.tags)
			if err != nil {
				t.Fatal(err)
			}
			for i := range *seeds {
				c := control.form()
				c.Seed, c.Binaries = *first+uint64(i), binaries
				if found := violations(t, c); (found > 0) != control.noticed {
					t.Errorf("seed %d: got %d violations; noticed: want %v", c.Seed, found, control.noticed)
				}
			}
		})
	}
}

// violations plays a seed, and counts the telling ones.
func violations(t *testing.T, c chaos.Config) (found int) {
	t.Helper()
	report := play(t, c)
	kinds := report.Kinds()
	for _, kind := range telling {
		found += kinds[kind]
	}
	t.Logf("seed %d: %v", c.Seed, kinds)
	if err := os.RemoveAll(report.Dir); err != nil {
		t.Error(err)
	}
	return found
}
