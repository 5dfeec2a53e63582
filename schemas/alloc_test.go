//go:build !race

package schemas_test

import (
	"testing"

	"github.com/usherhq/usher/events"
)

// TestAllocations holds what a validation costs to a ceiling; see BenchmarkValidate.
func TestAllocations(t *testing.T) {
	const most = 22 // objects
	set, e := newSet(t), samples(t, events.UserCreated, "accepted")["full"]
	got := testing.AllocsPerRun(100, func() {
		if err := set.Validate(e); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%.0f", got)
	if got > most {
		t.Errorf("%.0f objects, want %d at most", got, most)
	}
}
