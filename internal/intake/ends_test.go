package intake_test

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// Copies of an invalid event end in one dead letter and one result, and hold nothing back.
func TestInvalidEvents(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		for range 3 {
			r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "unknown"})
		}
		valid := r.send(message{kind: events.UserCreated, id: "e2", user: 1})
		r.awaitOutcome(t, valid, events.Done)
		r.awaitCommitted(t)
		if got := r.classes(); got["invalid"] != 1 || len(got) != 1 || r.results() != 2 {
			t.Errorf("got dead letters %v and %d results", got, r.results())
		}
	})
}

// An id of another event of the same source is refused, and changes nothing of that event.
func TestReusedID(t *testing.T) {
	for name, c := range map[string]struct {
		lost     float64
		finished bool
		after    time.Duration
		other    message
	}{
		"pending":               {},
		"content, pending":      {other: message{kind: events.UserCreated, email: "grace@example.org"}},
		"content, finished":     {finished: true, other: message{kind: events.UserCreated, email: "grace@example.org"}},
		"content, seen":         {finished: true, after: time.Minute, other: message{kind: events.UserCreated, email: "grace@example.org"}},
		"pending, lost answers": {lost: 0.25},
		"finished":              {finished: true},
		"seen":                  {finished: true, after: time.Minute},
		"seen, lost answers":    {finished: true, after: time.Minute, lost: 0.25},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{lost: c.lost, seed: 7}, unchanged, func(t *testing.T, r *run) {
				key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				if c.finished {
					r.awaitOutcome(t, key, events.Done)
				}
				time.Sleep(c.after)
				if c.after > 0 { // moves the finished event to the ones that are only known
					r.awaitOutcome(t, r.send(message{kind: events.UserUpdated, id: "e2", user: 1}), events.Done)
				}
				for range 3 {
					other := c.other
					other.kind, other.id, other.user = cmp.Or(other.kind, events.UserDeleted), "e1", 1
					r.send(other)
					time.Sleep(time.Second)
				}
				last := r.send(message{kind: events.UserUpdated, id: "e3", user: 1})
				r.awaitOutcome(t, last, events.Done)
				r.awaitOutcome(t, key, events.Done)
				r.awaitCommitted(t)
				if got := r.classes(); got["invalid"] != 1 || len(got) != 1 {
					t.Errorf("got dead letters %v", got)
				}
				if len(r.vendor.live(email(1))) != 1 {
					t.Error("the deletion was carried out")
				}
			})
		})
	}
}

// An expirytime is held against the time of the server.
func TestExpiryTime(t *testing.T) {
	for _, offset := range []time.Duration{0, 20 * time.Second, -20 * time.Second} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) {
			scenario(t, history{}, func(r *run) { r.server.offset = offset }, func(t *testing.T, r *run) {
				now := time.Now().Add(offset)
				over := r.send(message{kind: events.UserCreated, id: "e1", user: 1, expires: now.Add(-10 * time.Second)})
				valid := r.send(message{kind: events.UserCreated, id: "e2", user: 2, expires: now.Add(10 * time.Second)})
				r.awaitOutcome(t, over, events.Superseded)
				r.awaitOutcome(t, valid, events.Done)
			})
		})
	}
}

// A pending event that is not stored any more ends as a dead letter.
func TestEventMissingInTheStream(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		r.awaitCommitted(t)
		r.server.mu.Lock()
		r.server.first = 2
		r.server.mu.Unlock()
		r.await(t, "an end", func() bool { return r.server.pending() == 0 })
		if got := r.classes(); got["expired"] != 1 || len(got) != 1 {
			t.Errorf("got dead letters %v", got)
		}
	})
}

// A record that cannot be read ends the events of its user, and those alone.
func TestUnreadableRecord(t *testing.T) {
	for _, lost := range []float64{0, 0.25} {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			scenario(t, history{lost: lost, seed: 3}, unchanged, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e0", user: 1}), events.Done)
				r.awaitCommitted(t)
				time.Sleep(time.Minute)
				r.server.mu.Lock()
				for key := range r.server.records {
					r.server.records[key], r.server.revisions[key] = []byte("{"), r.server.revisions[key]+1
				}
				r.server.mu.Unlock()
				list := []string{}
				for i := range 3 {
					list = append(list, r.send(message{kind: events.UserUpdated, id: fmt.Sprint("e", i+1), user: 1}))
				}
				other := r.send(message{kind: events.UserCreated, id: "e9", user: 2})
				for _, key := range list {
					r.awaitDead(t, key, "record")
					r.awaitOutcome(t, key, events.Failed)
				}
				r.awaitOutcome(t, other, events.Done)
				r.awaitCommitted(t)
				r.published.mu.Lock()
				added := r.published.added
				r.published.mu.Unlock()
				time.Sleep(10 * time.Minute)
				r.published.mu.Lock()
				defer r.published.mu.Unlock()
				if r.published.added != added {
					t.Error("dead letters are stored again and again")
				}
				if faults := r.published.unlisted(); len(faults) > 0 {
					t.Error(faults)
				}
			})
		})
	}
}

// The wakes of a user whose record cannot be read come to an end, and are counted. Once the
// record is restored, the next event of the user brings its pending effects on.
func TestUnreadableRecordOfAWake(t *testing.T) {
	var unreadable atomic.Int32
	scenario(t, history{}, func(r *run) {
		r.config.PrerequisiteWait = 29 * time.Minute
		r.observe = func(o mailbox.Observation) {
			if o.Class == "record" && o.Type == "" {
				unreadable.Add(1)
			}
		}
	}, func(t *testing.T, r *run) {
		pending := r.send(message{kind: events.EnrollmentRequested, id: "e1", user: 1, course: "go-1"})
		r.awaitCommitted(t)
		key := record.AccountKey("acme", "u1")
		replace := func(with func([]byte) []byte) {
			r.server.mu.Lock()
			defer r.server.mu.Unlock()
			r.server.records[key], r.server.revisions[key] = with(r.server.records[key]), r.server.revisions[key]+1
		}
		var intact []byte
		replace(func(b []byte) []byte { intact = b; return []byte(`{"effects":3}`) })
		r.await(t, "a count", func() bool { return unreadable.Load() == 1 })
		time.Sleep(10 * time.Minute)
		r.server.mu.Lock()
		wakes := len(r.server.wakes)
		r.server.mu.Unlock()
		if wakes > 0 || unreadable.Load() != 1 || r.results() > 0 {
			t.Errorf("%d wakes are left, the record was given up %d times, %d results", wakes, unreadable.Load(), r.results())
		}
		replace(func([]byte) []byte { return intact })
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e2", user: 1}), events.Done)
		r.awaitOutcome(t, pending, events.Done)
	})
}

// A handler that panics is given up after three attempts.
func TestPanickingHandler(t *testing.T) {
	var attempts atomic.Int32
	created := handlers.UserCreated()
	plan := created.Plan
	created.Plan = func(v handlers.Vendor, e events.Event) (handlers.Plan, error) {
		p, err := plan(v, e)
		p.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
			attempts.Add(1)
			panic("a fault")
		}
		return p, err
	}
	scenario(t, history{}, func(r *run) { r.handlers = []handlers.Handler{created, handlers.UserUpdated()} }, func(t *testing.T, r *run) {
		key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.awaitDead(t, key, "panic")
		r.awaitOutcome(t, key, events.Failed)
		time.Sleep(time.Minute)
		if n := attempts.Load(); n != 3 {
			t.Errorf("%d attempts", n)
		}
		r.records(func(one *record.Record) {
			if len(one.Pending) > 0 || one.Claim != nil {
				t.Errorf("left behind: %+v", one)
			}
		})
	})
}

// A response that cannot be understood is tried a few times only, and a change that cannot be
// looked up once.
func TestUnreadableResponses(t *testing.T) {
	for name, test := range map[string]struct {
		err  vendors.Error
		want int32 // attempts
	}{
		"a look-up":                   {vendors.Error{Vendor: "acme", Status: 200, Unreadable: true}, 5},
		"a change":                    {vendors.Error{Vendor: "acme", Status: 200, Unreadable: true, Unknown: true}, 5},
		"a change without a look-up":  {vendors.Error{Vendor: "acme", Status: 200, Unreadable: true, Unknown: true, Class: vendors.Permanent}, 1},
		"a response with empty users": {vendors.Error{Vendor: "acme", Unreadable: true, After: time.Minute}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			var attempts atomic.Int32
			created := handlers.UserCreated()
			plan := created.Plan
			created.Plan = func(v handlers.Vendor, e events.Event) (handlers.Plan, error) {
				p, err := plan(v, e)
				p.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
					attempts.Add(1)
					err := test.err
					return handlers.Reply{}, &err
				}
				return p, err
			}
			scenario(t, history{}, func(r *run) { r.handlers = []handlers.Handler{created, handlers.UserUpdated()} }, func(t *testing.T, r *run) {
				key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				r.awaitDead(t, key, "unreadable")
				r.awaitOutcome(t, key, events.Failed)
				if n := attempts.Load(); n != test.want {
					t.Errorf("got %d attempts, want %d", n, test.want)
				}
			})
		})
	}
}
