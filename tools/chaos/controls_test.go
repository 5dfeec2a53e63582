//go:build chaos_controls

package chaos_test

import (
	"os"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/chaos"
)

// telling lists the kinds of violations caused by at least one of the removed rules.
var telling = []string{
	"resurrected", "missing", "older after newer", "double account", "enrolled twice", "two contents",
	"old data", "enrolled after the end",
}

// frozen returns a configuration with owners frozen for longer than the lease and no other faults,
// so that a former owner continues beside the new owner.
func frozen() chaos.Config {
	c := chaos.Short()
	c.Users, c.Span, c.After = 200, 30*time.Second, 5*time.Second
	c.Every, c.Only = 2*time.Second, "pause"
	c.Faults, c.Latency, c.Repeats = 0.05, 150*time.Millisecond, 0.4
	return c
}

// TestControls builds usher without one of the rules for "once" (internal/mailbox/record,
// guards.go), and checks that the suite finds violations in every seed: otherwise the suite proves
// nothing. With all rules the same storms cause no violation.
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

// violations runs a seed and returns the number of telling violations.
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
