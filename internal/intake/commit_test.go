package intake_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// quick is a vendor without delays; before sees each creation.
type quick struct {
	client

	before func(u vendors.User)
}

func (quick) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (q quick) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	q.before(u)
	return vendors.Account{ID: q.add(u).id}, nil
}

// A former owner that has registered events with timers commits their positions while the
// present owner works on them: their results are published all the same.
func TestLateCommitOfAFormerOwner(t *testing.T) {
	const users = 8
	scenario(t, history{}, func(r *run) {
		r.slots = users
		r.held = []window{{time.Now().Add(-time.Second), time.Now().Add(10 * time.Second)}}
		r.adapter = func(c client) vendors.Adapter {
			return quick{c, func(u vendors.User) {
				if u.Email == email(0) {
					return
				}
				r.server.mu.Lock()
				r.server.position = events.Position{Epoch: 1, Seq: users} // by the former owner
				r.server.mu.Unlock()
				time.Sleep(longCall - 50*time.Millisecond)
			}}
		}
	}, func(t *testing.T, r *run) {
		for user := range users {
			r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", user), user: user})
		}
		r.awaitCommitted(t)
		r.stop()
		r.server.mu.Lock()
		r.server.position = events.Position{} // not committed yet
		r.server.mu.Unlock()
		time.Sleep(10 * time.Second)
		r.server.purgeTimers() // so that the events come from the reader
		ctx, stop := context.WithCancel(t.Context())
		var owner sync.WaitGroup
		owner.Go(func() { r.host(ctx, 0) })
		r.stop = func() { stop(); owner.Wait() }
		time.Sleep(time.Minute)
		if n := r.results(); n != users {
			t.Errorf("%d results for %d events", n, users)
		}
	})
}

// longCall is the time after which a call holds back no position.
const longCall = 2 * time.Second
