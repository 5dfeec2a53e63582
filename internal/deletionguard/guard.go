// Package deletionguard stops the deletion of users at all vendors if far more users are to be
// deleted than usual, until a person approves or discards the deletions. A wrong export upstream
// is a common way to lose a school in a minute.
//
// The guard counts the events published to the stream within the window just past: user.deleted,
// and all. Time without deletions before the window counts for nothing.
package deletionguard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A count of the stream is valid for countValid, and for one in allowanceShare of the deletions
// that were below the limit.
const (
	countValid     = 200 * time.Millisecond
	allowanceShare = 20
)

// Config has the limits of the guard.
type Config struct {
	Window time.Duration // of the counted events
	Count  uint64        // limit of deletions; 0 turns the guard off
	Share  float64       // limit of deletions among all events
	Least  uint64        // number of deletions below which Share does not apply
}

// Verdict is the decision about a deletion.
type Verdict uint8

// The verdicts.
const (
	Proceed Verdict = iota // delete
	Hold                   // wait for a person
	Discard                // a person has discarded the deletion
)

// Record is the state of the guard, shared by all processes.
type Record struct {
	Since    time.Time `json:"since,omitzero"`    // no earlier event counts
	Held     time.Time `json:"held,omitzero"`     // start of the hold; zero without a hold
	Why      string    `json:"why,omitempty"`     // reason of the hold
	Approved time.Time `json:"approved,omitzero"` // until this time nothing is held
	Dropped  time.Time `json:"dropped,omitzero"`  // deletions registered before this time are discarded
}

// Counts returns the number of events since a time: of user.deleted, and of all types.
type Counts func(ctx context.Context, since time.Time) (deleted, all uint64, err error)

// Guard decides about deletions. The methods may be called concurrently.
type Guard struct {
	config Config
	store  Store
	counts Counts
	held   atomic.Bool // in record

	refreshing sync.Mutex // held during a refresh
	counted    time.Time
	allowance  uint64 // deletions without a new count

	mu       sync.Mutex
	record   Record        // as last read
	released chan struct{} // closed and replaced at the end of a hold
}

// New returns a guard with its record in store.
func New(c Config, store Store, counts Counts) *Guard {
	return &Guard{config: c, store: store, counts: counts, released: make(chan struct{})}
}

// Start begins the first window, unless another process has.
func (g *Guard) Start(ctx context.Context) error {
	if g.config.Count == 0 {
		return nil
	}
	r, err := Change(ctx, g.store, func(r *Record) {
		if r.Since.IsZero() {
			r.Since = time.Now()
		}
	})
	if err == nil {
		g.set(r)
	}
	return err
}

// Watch follows the record until ctx ends. watch calls see with the stored record at first
// and after each change, nil if there is none.
func (g *Guard) Watch(ctx context.Context, watch func(ctx context.Context, see func(value []byte))) {
	watch(ctx, func(value []byte) {
		var r Record
		if len(value) == 0 || json.Unmarshal(value, &r) == nil {
			g.set(r)
		}
	})
}

// set keeps the record as last read, and closes released at the end of a hold.
func (g *Guard) set(r Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ended := g.held.Load() && r.Held.IsZero() || g.record.Dropped.Before(r.Dropped)
	g.record = r
	g.held.Store(!r.Held.IsZero())
	if ended {
		close(g.released)
		g.released = make(chan struct{})
	}
}

// Holds reports whether deletions are held, as far as this process knows.
func (g *Guard) Holds() bool { return g.held.Load() }

// Record returns the record as last read.
func (g *Guard) Record() Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.record
}

// Released returns a channel that is closed at the end of the present or the next hold.
func (g *Guard) Released() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.released
}

// Deletion decides about a deletion that was published, or registered, at the time first.
func (g *Guard) Deletion(ctx context.Context, first time.Time) (Verdict, error) {
	if g.config.Count == 0 {
		return Proceed, nil
	}
	r, err := g.refresh(ctx)
	switch {
	case err != nil:
		return Hold, err
	case first.Before(r.Dropped):
		return Discard, nil
	case !r.Held.IsZero():
		return Hold, nil
	default:
		return Proceed, nil
	}
}

// refresh returns the current record, with a hold if the limits are exceeded.
func (g *Guard) refresh(ctx context.Context) (Record, error) {
	g.refreshing.Lock()
	defer g.refreshing.Unlock()
	if time.Since(g.counted) < countValid && (g.allowance > 0 || g.Holds()) {
		g.allowance -= min(g.allowance, 1)
		return g.Record(), nil
	}
	var deleted uint64
	var failed error
	r, err := Change(ctx, g.store, func(r *Record) {
		if r.Held.IsZero() {
			deleted, failed = g.checkLimits(ctx, r)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return Record{}, err
	}
	g.set(r)
	g.counted, g.allowance = time.Now(), (g.config.Count-min(g.config.Count, deleted))/allowanceShare
	return r, nil
}

// checkLimits begins a hold if the events of the window exceed a limit, and returns the number
// of deletions.
func (g *Guard) checkLimits(ctx context.Context, r *Record) (deleted uint64, err error) {
	now, c := time.Now(), g.config
	if !now.After(r.Approved) {
		return 0, nil
	}
	since := now.Add(-c.Window)
	if since.Before(r.Since) {
		since = r.Since
	}
	deleted, all, err := g.counts(ctx, since)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	overCount := deleted > c.Count
	overShare := deleted >= c.Least && float64(deleted) > c.Share*float64(all)
	if overCount || overShare {
		r.Held = now
		r.Why = fmt.Sprintf("%d of %d events since %s delete users", deleted, all, since.UTC().Format(time.RFC3339))
	}
	return deleted, nil
}

// Approve ends a hold, and prevents holds until a time. Deletions published meanwhile do not
// count later.
func (r *Record) Approve(until time.Time) {
	r.Held = time.Time{}
	r.Why = ""
	r.Approved = until
	r.Since = until
}

// EndApproval ends an approval before its time. Events published under the approval do not count.
func (r *Record) EndApproval(now time.Time) {
	if now.Before(r.Approved) {
		r.Approved, r.Since = time.Time{}, now
	}
}

// Discard ends a hold, and makes dead letters of the held deletions.
func (r *Record) Discard(now time.Time) {
	if r.Held.IsZero() {
		return
	}
	r.Held = time.Time{}
	r.Why = ""
	r.Dropped = now
	r.Since = now
}
