package intake_test

import (
	"fmt"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// A user with more events than calls of one turn has further turns from memory, and no timer.
func TestFurtherTurnsWithoutATimer(t *testing.T) {
	scenario(t, history{}, func(r *run) {
		r.adapter = func(c client) vendors.Adapter { return quick{c, func(vendors.User) {}} }
	}, func(t *testing.T, r *run) {
		const list = 20
		for n := range list {
			kind := events.UserUpdated
			if n == 0 {
				kind = events.UserCreated
			}
			r.send(message{kind: kind, id: fmt.Sprint("e", n), user: 1})
		}
		r.awaitCommitted(t)
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		if n := r.results(); n != list || r.server.armed > 0 {
			t.Errorf("%d results for %d events, and %d timers", n, list, r.server.armed)
		}
	})
}
