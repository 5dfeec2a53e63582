// Package brake is the deletion guard: if far more users are to be deleted than usual, no
// further user is deleted at any vendor until a person approves or drops the deletions. A
// wrong export upstream is a common way to lose a school in a minute.
//
// The guard counts the events that were published to the stream within the window just
// past: user.deleted, and all. Time without deletions before the window counts for nothing.
package brake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// One count of the stream is good for so long, and for one in so many of the deletions that
// were left then.
const (
	fresh = 200 * time.Millisecond
	oneIn = 20
)

// Config says what is more than usual.
type Config struct {
	Window time.Duration // over which events are counted
	Count  uint64        // of deletions: more are held; 0 turns the guard off
	Share  float64       // of deletions among all events: more are held
	Least  uint64        // of deletions, below which the share does not count
}

// Verdict is what is to become of a deletion.
type Verdict uint8

// The verdicts.
const (
	Go   Verdict = iota // delete
	Hold                // wait: a person has to look
	Drop                // a person has said that it is not to be made
)

// Record is the state of the guard, shared by all processes.
type Record struct {
	Since    time.Time `json:"since,omitzero"`    // no event before counts
	Held     time.Time `json:"held,omitzero"`     // since when
	Why      string    `json:"why,omitempty"`     // in words
	Approved time.Time `json:"approved,omitzero"` // until when nothing is held
	Dropped  time.Time `json:"dropped,omitzero"`  // deletions that were registered before are not made
}

// Counts returns how many events were published since a time: user.deleted, and all.
type Counts func(ctx context.Context, since time.Time) (deleted, all uint64, err error)

// Brake decides about deletions. It is safe for use by many goroutines.
type Brake struct {
	config Config
	store  Store
	counts Counts
	held   atomic.Bool // in record

	looking sync.Mutex // held during a look
	looked  time.Time
	good    uint64 // for so many deletions

	mu       sync.Mutex
	record   Record        // as last read
	released chan struct{} // closed at the end of the hold; a new one then
}

// New returns a guard that keeps its record in store.
func New(c Config, store Store, counts Counts) *Brake {
	return &Brake{config: c, store: store, counts: counts, released: make(chan struct{})}
}

// Start begins the first window, unless another process has.
func (b *Brake) Start(ctx context.Context) error {
	if b.config.Count == 0 {
		return nil
	}
	r, err := Change(ctx, b.store, func(r *Record) {
		if r.Since.IsZero() {
			r.Since = time.Now()
		}
	})
	if err == nil {
		b.set(r)
	}
	return err
}

// Watch follows the record until ctx ends. watch calls see with the stored record at first
// and after each change, nil if there is none.
func (b *Brake) Watch(ctx context.Context, watch func(ctx context.Context, see func(value []byte))) {
	watch(ctx, func(value []byte) {
		var r Record
		if len(value) == 0 || json.Unmarshal(value, &r) == nil {
			b.set(r)
		}
	})
}

// set notes the record as it was just read, and tells of the end of a hold.
func (b *Brake) set(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended := b.held.Load() && r.Held.IsZero() || b.record.Dropped.Before(r.Dropped)
	b.record = r
	b.held.Store(!r.Held.IsZero())
	if ended {
		close(b.released)
		b.released = make(chan struct{})
	}
}

// Holds reports whether deletions are held, as far as this process knows.
func (b *Brake) Holds() bool { return b.held.Load() }

// Record returns the record as last read.
func (b *Brake) Record() Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.record
}

// Released returns a channel that is closed at the end of the present or the next hold.
func (b *Brake) Released() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.released
}

// Deletion decides about a deletion that was published, or registered, at the time first.
func (b *Brake) Deletion(ctx context.Context, first time.Time) (Verdict, error) {
	if b.config.Count == 0 {
		return Go, nil
	}
	r, err := b.look(ctx)
	switch {
	case err != nil:
		return Hold, err
	case first.Before(r.Dropped):
		return Drop, nil
	case !r.Held.IsZero():
		return Hold, nil
	default:
		return Go, nil
	}
}

// look returns the record, brought up to date.
func (b *Brake) look(ctx context.Context) (Record, error) {
	b.looking.Lock()
	defer b.looking.Unlock()
	if time.Since(b.looked) < fresh && (b.good > 0 || b.Holds()) {
		b.good -= min(b.good, 1)
		return b.Record(), nil
	}
	var deleted uint64
	var failed error
	r, err := Change(ctx, b.store, func(r *Record) {
		if r.Held.IsZero() {
			deleted, failed = b.judge(ctx, r)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return Record{}, err
	}
	b.set(r)
	b.looked, b.good = time.Now(), (b.config.Count-min(b.config.Count, deleted))/oneIn
	return r, nil
}

// judge begins a hold if more than usual was published in the window. It returns the number
// of deletions.
func (b *Brake) judge(ctx context.Context, r *Record) (deleted uint64, err error) {
	now, c := time.Now(), b.config
	if !now.After(r.Approved) {
		return 0, nil
	}
	since := now.Add(-c.Window)
	if since.Before(r.Since) {
		since = r.Since
	}
	deleted, all, err := b.counts(ctx, since)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	many := deleted > c.Count
	most := deleted >= c.Least && float64(deleted) > c.Share*float64(all)
	if many || most {
		r.Held = now
		r.Why = fmt.Sprintf("%d of %d events since %s delete users", deleted, all, since.UTC().Format(time.RFC3339))
	}
	return deleted, nil
}

// Approve lets held deletions go on, and holds none until then. Deletions that are published
// meanwhile do not count later.
func (r *Record) Approve(until time.Time) {
	r.Held, r.Why, r.Approved, r.Since = time.Time{}, "", until, until
}

// Guard ends an approval before its time. What was published under it does not count.
func (r *Record) Guard(now time.Time) {
	if now.Before(r.Approved) {
		r.Approved, r.Since = time.Time{}, now
	}
}

// Discard makes dead letters of the deletions that are held now, if any are.
func (r *Record) Discard(now time.Time) {
	if r.Held.IsZero() {
		return
	}
	r.Held, r.Why, r.Dropped, r.Since = time.Time{}, "", now, now
}
