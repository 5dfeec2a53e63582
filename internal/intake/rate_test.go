package intake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/fairness"
)

// At a low rate each slot waits for longer than a turn may last. Every share of the rate is used
// for a call all the same.
func TestLowRateIsUsed(t *testing.T) {
	const users, rate = 60, 3
	scenario(t, history{}, func(r *run) {
		r.slots, r.pacer = 16, fairness.NewPacer(rate)
	}, func(t *testing.T, r *run) {
		began := time.Now()
		for user := range users {
			r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", user), user: user})
		}
		r.await(t, "all results", func() bool { return r.results() == users })
		if took := time.Since(began); took > 2*users/rate*time.Second {
			t.Errorf("%d effects took %s at %d a second", users, took, rate)
		}
		if n := r.admitted.Load(); n != users {
			t.Errorf("%d shares of the rate were taken for %d calls", n, users)
		}
	})
}
