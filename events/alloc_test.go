//go:build !race

package events_test

import (
	"testing"

	"github.com/usherhq/usher/events"
)

// TestAllocations holds what every event costs to a ceiling, a little above what
// it is: the benchmarks of the same names tell the rest.
func TestAllocations(t *testing.T) {
	e, of := mustParse(t, full), asked(t, full)
	for name, c := range map[string]struct {
		most float64 // objects
		do   func() error
	}{
		"Parse":     {21, func() error { _, err := events.Parse([]byte(full)); return err }},
		"ToNATS":    {12, func() error { _, _, err := events.ToNATS(e); return err }},
		"NewResult": {13, func() error { _, err := events.NewResult(of); return err }},
		"Key":       {1, func() error { events.Key("/school", "a-1"); return nil }},
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := c.do(); err != nil {
				t.Error(err)
			}
		})
		t.Logf("%s: %.0f", name, got)
		if got > c.most {
			t.Errorf("%s: %.0f objects, want %.0f at most", name, got, c.most)
		}
	}
}
