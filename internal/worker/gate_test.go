package worker_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/vendors"
)

// outage is a vendor that fails until it is over, and counts what it is asked.
type outage struct {
	over   time.Time
	err    error
	calls  atomic.Int64 // while it lasts
	trials atomic.Int64
}

func (o *outage) Find(context.Context, vendors.User) (vendors.Account, error) {
	if time.Now().Before(o.over) {
		o.calls.Add(1)
		return vendors.Account{}, o.err
	}
	return vendors.Account{}, vendors.ErrNotFound
}

func (o *outage) Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error) {
	return vendors.Account{ID: "7"}, nil
}

// sitOut publishes an event for each of many users, runs a worker through the
// outage, and returns the results.
func (o *outage) sitOut(t *testing.T, users int) *told {
	t.Helper()
	luck := &chance{rng: rand.New(rand.NewPCG(1, 1))}
	s := &stream{name: "EVENTS", luck: luck}
	for i := range users {
		payload := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/school","type":"user.created","data":{"user_id":"u%d","email":"u%d@example.org"}}`, i, i, i)
		s.publish(time.Now(), events.UserCreated, nil, []byte(payload))
	}
	result := &told{results: map[string]string{}, data: map[string]events.Result{}, graves: map[string]bool{}}
	p := &process{}
	book := &ledger.Book{Store: store{bucket: &bucket{records: map[string][]byte{}, revisions: map[string]uint64{}}, process: p, luck: luck}, Timeout: time.Second}
	w, err := worker.New(handlers.Vendor{Name: "acme", Port: o}, worker.Config{
		Source: "/usher", Concurrency: 4, Prefetch: 16,
		CallTimeout: callTimeout, CallLease: callLease, AckWait: ackWait, Ceiling: time.Minute,
		MaxAge: 24 * time.Hour, PrerequisiteWait: time.Minute, Keep: 48 * time.Hour,
		RetryMin: time.Second, RetryMax: 10 * time.Second, HoldRetry: 30 * time.Second, HoldAfter: 10,
	}, worker.Deps{
		Accounts: book, Effects: book, Results: voice{told: result, process: p, luck: luck}, Graves: voice{told: result, process: p, luck: luck},
		Validate: func(events.Event) error { return nil },
		Handlers: []handlers.Handler{handlers.UserCreated()}, Log: zerolog.Nop(),
		Trial: func(context.Context) (any, error) {
			o.trials.Add(1)
			if time.Now().Before(o.over) {
				return nil, o.err
			}
			return nil, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx, time.Second, func(context.Context) (worker.Lane, error) { return lane{stream: s, process: p}, nil })
	}()
	for end := time.Now().Add(10 * time.Hour); s.unacked() > 0 && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	stop()
	<-done
	return result
}

// TestAVendorOnHold is about two hours of an outage and 100 users.
func TestAVendorOnHold(t *testing.T) {
	cases := map[string]struct {
		err   error
		calls int64 // the most that may be made while it lasts
	}{
		"credentials refused": {&vendors.Error{Vendor: "acme", Class: vendors.Unusable, Status: 401}, 4},
		"it fails in a row":   {&vendors.Error{Vendor: "acme", Status: 503}, 14},
		"it is not reached":   {errors.New("connection refused"), 14},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				o := &outage{over: begun.Add(2 * time.Hour), err: c.err}
				result := o.sitOut(t, 100)
				if len(result.data) != 100 || len(result.graves) != 0 {
					t.Errorf("got %d results and %d dead letters, want 100 and none", len(result.data), len(result.graves))
				}
				if got := o.calls.Load(); got > c.calls {
					t.Errorf("got %d calls during the outage, want no more than %d", got, c.calls)
				}
				if got := o.trials.Load(); got < 230 || got > 241 {
					t.Errorf("got %d trials in two hours, want one each 30 s", got)
				}
				if took := time.Since(begun); took > 2*time.Hour+5*time.Minute {
					t.Errorf("took %v, want that it goes on soon after the outage", took)
				}
			})
		})
	}
}
