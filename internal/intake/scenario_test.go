package intake_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// scenario runs one process, or processes one after the other with the lifespans of the run,
// beside body. All of it runs on virtual time.
func scenario(t *testing.T, h history, prepare func(*run), body func(*testing.T, *run)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(h)
		prepare(r)
		ctx, stop := context.WithCancel(t.Context())
		var hosts sync.WaitGroup
		hosts.Go(func() { r.host(ctx, 0) })
		r.stop = func() {
			stop()
			hosts.Wait()
		}
		defer func() {
			r.stop()
			time.Sleep(time.Minute) // calls that are still on their way land
		}()
		body(t, r)
		r.published.mu.Lock()
		defer r.published.mu.Unlock()
		if changed := r.published.changed; len(changed) > 0 {
			t.Errorf("results were published in two ways: %s", changed)
		}
	})
}

func unchanged(*run) {}

// message is an event that a test publishes.
type message struct {
	kind, id, course string
	email            string // if not the user's own
	noEmail          bool
	locale, name     string
	user             int
	expires          time.Time
}

// send publishes an event now, and returns its key.
func (r *run) send(m message) string {
	data := map[string]any{"user_id": fmt.Sprint("u", m.user), "email": cmp.Or(m.email, email(m.user)), "first_name": m.id}
	if m.noEmail {
		delete(data, "email")
	}
	if m.name != "" {
		data["first_name"] = m.name
	}
	if m.locale != "" {
		data["locale"] = m.locale
	}
	if m.course != "" {
		data["course_id"] = m.course
	}
	e, err := events.New(m.kind, "/school", m.id, time.Unix(1_700_000_000, 0), data)
	if err != nil {
		panic(err)
	}
	if !m.expires.IsZero() {
		e.SetExtension("expirytime", m.expires.Format(time.RFC3339Nano))
	}
	header, payload, err := events.ToNATS(e)
	if err != nil {
		panic(err)
	}
	r.server.publish(time.Now(), e.Type(), header, payload)
	return events.Key(e.Source(), e.ID())
}

// await waits until the condition holds, for two hours of virtual time at most.
func (r *run) await(t *testing.T, name string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Hour); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached: %s; dead letters %v, %d results, position %d", name, r.classes(), r.results(), r.position())
		}
	}
}

// result returns the result of an event; ok is false if none is published.
func (r *run) result(key string) (result events.Result, ok bool) { return r.resultOf(key, 0) }

// resultOf returns the result of a replay of an event.
func (r *run) resultOf(key string, replay int) (result events.Result, ok bool) {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	result, ok = r.published.data[events.ResultID(key, "acme", replay)]
	return result, ok
}

// awaitOutcome waits for the result of an event.
func (r *run) awaitOutcome(t *testing.T, key, want string) {
	t.Helper()
	r.await(t, "a result", func() bool { _, ok := r.result(key); return ok })
	if got, _ := r.result(key); got.Outcome != want {
		t.Errorf("got %q (%+v), want %q", got.Outcome, got.Error, want)
	}
}

// awaitDead waits for the dead letter of a class with this key, and for its result.
func (r *run) awaitDead(t *testing.T, key, class string) {
	t.Helper()
	r.await(t, "a dead letter", func() bool { return r.classOf(key) != "" })
	if got := r.classOf(key); got != class {
		t.Errorf("got a dead letter of class %q, want %q", got, class)
	}
}

func (r *run) classOf(key string) string {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return r.published.dead[key].Class
}

// letter returns the dead letter of an event.
func (r *run) letter(key string) streams.DeadLetter {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return r.published.dead[key]
}

// classes counts the dead letters by class.
func (r *run) classes() map[string]int {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	n := map[string]int{}
	for _, d := range r.published.dead {
		n[d.Class]++
	}
	return n
}

func (r *run) results() int {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return len(r.published.results)
}

func (r *run) position() uint64 {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.server.position.Seq
}

// awaitCommitted waits until the committed position is the end of the stream.
func (r *run) awaitCommitted(t *testing.T) {
	t.Helper()
	r.server.mu.Lock()
	end := uint64(len(r.server.events))
	r.server.mu.Unlock()
	r.await(t, fmt.Sprintf("position %d", end), func() bool { return r.position() == end })
}

// stored returns how often the record of a user was stored.
func (r *run) stored(user int) uint64 {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.server.revisions[record.AccountKey("acme", fmt.Sprint("u", user))]
}

// records calls look with each record.
func (r *run) records(look func(*record.Record)) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	for _, b := range r.server.records {
		if one, err := record.Decode(b); err == nil {
			look(one)
		}
	}
}

// counted counts calls, and lets a test change their course.
type counted struct {
	client

	mu     sync.Mutex
	finds  int
	calls  int
	before func(ctx context.Context, call int) error
}

func (c *counted) count(n *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
	return *n
}

func (c *counted) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	c.count(&c.finds)
	return c.client.Find(ctx, u)
}

func (c *counted) Create(ctx context.Context, o vendors.Origin, u vendors.User) (vendors.Account, error) {
	if n := c.count(&c.calls); c.before != nil {
		if err := c.before(ctx, n); err != nil {
			return vendors.Account{}, err
		}
	}
	return c.client.Create(ctx, o, u)
}

// number returns a counter.
func (c *counted) number(n *int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return *n
}

// use lets all processes call the vendor through c.
func (c *counted) use(r *run) {
	r.adapter = func(inner client) vendors.Adapter {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.client = inner
		return c
	}
}
