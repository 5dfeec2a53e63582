package intake_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// unanswered is a vendor whose first creation of each user gets no answer, and lands late.
type unanswered struct {
	client

	mu    *sync.Mutex
	calls map[string]int
	lands time.Duration
	// then is the answer to the second creation of a user; nil: it is made.
	then error
}

func (v unanswered) Create(ctx context.Context, o vendors.Origin, u vendors.User) (vendors.Account, error) {
	v.mu.Lock()
	v.calls[u.Email]++
	n := v.calls[u.Email]
	v.mu.Unlock()
	switch {
	case n == 1:
		time.AfterFunc(v.lands, func() { v.add(u) })
		return vendors.Account{}, &vendors.Error{Vendor: "acme", Unknown: true, Err: errors.New("no answer in time")}
	case n == 2 && v.then != nil:
		return vendors.Account{}, v.then
	}
	return v.client.Create(ctx, o, u)
}

func (v unanswered) use(r *run) {
	v.mu, v.calls = &sync.Mutex{}, map[string]int{}
	r.adapter = func(c client) vendors.Adapter {
		v := v
		v.client = c
		return v
	}
}

// A call without an answer is not repeated before it must have landed.
func TestUnansweredCallIsAwaited(t *testing.T) {
	const users = 40
	scenario(t, history{}, func(r *run) {
		unanswered{lands: callTimeout - time.Millisecond}.use(r)
		r.slots = users
	}, func(t *testing.T, r *run) {
		for user := range users {
			r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", user), user: user})
		}
		r.await(t, "all results", func() bool { return r.results() == users })
		for user := range users {
			if live := r.vendor.live(email(user)); len(live) != 1 {
				t.Errorf("user %d has %d accounts", user, len(live))
			}
		}
	})
}

// A creation that failed may have been made: a deletion behind it looks, although the record
// says that the account is deleted.
func TestDeletionBehindADoubtfulCreation(t *testing.T) {
	refused := &vendors.Error{Vendor: "acme", Status: 400, Class: vendors.Permanent}
	scenario(t, history{}, unanswered{lands: 10 * time.Second, then: refused}.use, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "e1", user: 1}), events.AlreadyDone)
		r.awaitDead(t, r.send(message{kind: events.UserCreated, id: "e2", user: 1}), "permanent")
		time.Sleep(20 * time.Second)
		r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "e3", user: 1}), events.Done)
		if live := r.vendor.live(email(1)); len(live) != 0 {
			t.Errorf("%d accounts are left", len(live))
		}
	})
}
