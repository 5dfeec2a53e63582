package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

// TestWhatComesLate plays short histories of one user on lanes that are not pinned
// and lose a third of the deliveries, so that any event may come behind the next
// ones. Each history is about one rule of the ledger, which random ones seldom
// come to.
func TestWhatComesLate(t *testing.T) {
	t.Parallel()
	const (
		created, updated, deleted, restored = events.UserCreated, events.UserUpdated, events.UserDeleted, events.UserRestored
		requested, cancelled                = events.EnrollmentRequested, events.EnrollmentCancelled
	)
	for name, c := range map[string]struct {
		kinds   []string
		upserts bool
	}{
		"a deletion, behind the restoration":             {[]string{created, deleted, restored}, false},
		"a restoration, behind the second deletion":      {[]string{created, deleted, restored, deleted}, false},
		"an update, behind a newer one":                  {[]string{created, updated, updated}, false},
		"a creation, behind the update":                  {[]string{created, updated, updated}, true},
		"an update, behind the deletion":                 {[]string{created, updated, deleted, restored, updated}, false},
		"a request, behind its cancellation":             {[]string{created, requested, cancelled}, false},
		"a cancellation, behind the next request":        {[]string{created, requested, cancelled, requested}, false},
		"deletion and request, behind the cancellation":  {[]string{created, deleted, created, requested, cancelled}, false},
		"a deletion that is repeated, behind the return": {[]string{created, deleted, restored, updated, cancelled}, true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(60) {
				h := history{seed: seed, lost: 0.3, faults: 0.1, upserts: c.upserts, fates: []fate{{}, {}}}
				for i, kind := range c.kinds {
					h.published = append(h.published, publication{event: i, kind: kind, after: time.Duration(i) * time.Second})
				}
				if faults := play(t, h); len(faults) > 0 {
					t.Fatalf("seed %d: %s", seed, strings.Join(faults, "\n"))
				}
			}
		})
	}
}
