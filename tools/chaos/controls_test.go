//go:build chaos_controls

package chaos_test

import (
	"os"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/chaos"
)

// telling are the kinds of violation that the rules left out must lead to.
var telling = []string{
	"resurrected", "missing", "older after newer", "double account", "enrolled twice", "two contents",
	"old data", "enrolled after the end",
}

// TestControls builds usher without some of the rules that keep "once", and
// expects the suite to notice: else it proves nothing. Vendors are slow and
// producers repeat themselves, so that what must not overlap can. With all the
// rules the same storms lead to none of it.
func TestControls(t *testing.T) {
	for name, control := range map[string]struct {
		tags    string
		noticed bool
	}{
		"all the rules":                     {"", false},
		"without fencing and claims":        {"chaos_nofence", true},
		"any redelivery takes over at once": {"chaos_takeover", true},
	} {
		t.Run(name, func(t *testing.T) {
			binaries, err := chaos.Build(t.Context(), t.TempDir(), control.tags)
			if err != nil {
				t.Fatal(err)
			}
			found := violations(t, binaries, *first)
			for seed := *first + 1; control.noticed && found == 0 && seed < *first+3; seed++ {
				found = violations(t, binaries, seed) // two or three are usual, none is chance
			}
			if (found > 0) != control.noticed {
				t.Errorf("got %d violations; noticed: want %v", found, control.noticed)
			}
		})
	}
}

// violations plays a seed, and counts the telling ones.
func violations(t *testing.T, binaries chaos.Binaries, seed uint64) (found int) {
	t.Helper()
	c := chaos.Short()
	c.Seed, c.Binaries = seed, binaries
	c.Users, c.Span, c.After = 200, 30*time.Second, 5*time.Second
	c.Latency, c.Repeats, c.Limit = 150*time.Millisecond, 0.4, 4*time.Minute
	report := play(t, c)
	kinds := report.Kinds()
	for _, kind := range telling {
		found += kinds[kind]
	}
	t.Logf("seed %d: %v", seed, kinds)
	if err := os.RemoveAll(report.Dir); err != nil {
		t.Error(err)
	}
	return found
}
