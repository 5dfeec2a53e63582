// Package brake is the safety stop for deletions: where far more users are to be
// deleted than usual, no further one is deleted at any vendor until a person has
// looked and said go on, or drop them. A wrong export upstream is a common way
// to lose a school in a minute.
//
// What it goes by is the EVENTS stream itself: how many user.deleted were
// published within the window, and which share of all events they are.
package brake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// One look at the stream is good for so long, and for one in so many of the
// deletions that were left then.
const (
	fresh = 200 * time.Millisecond
	oneIn = 20
)

// Config says what is more than usual.
type Config struct {
	Window time.Duration // over which events are counted
	Count  uint64        // of deletions: more put the brake on; 0 turns the brake off
	Share  float64       // of deletions among all events: more put the brake on
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

// Record is the state of the brake, shared by all processes.
type Record struct {
	Ends     []End     `json:"ends,omitempty"`
	Held     time.Time `json:"held,omitzero"`     // since when
	Why      string    `json:"why,omitempty"`     // in words
	Approved time.Time `json:"approved,omitzero"` // until when the brake stays off
	Dropped  time.Time `json:"dropped,omitzero"`  // deletions that were first taken up before are not made
}

// End is where the stream ended at one time.
type End struct {
	At   time.Time `json:"at"`
	Last uint64    `json:"last"` // the place of its last event
}

// Brake decides about deletions. It is safe for use by many goroutines.
type Brake struct {
	config Config
	store  Store
	counts Counts

	mu     sync.Mutex
	record Record // as last read
	looked time.Time
	good   uint64 // for so many deletions
}

// Counts returns how many user.deleted the stream holds behind a place, and the
// place of its last event.
type Counts func(ctx context.Context, after uint64) (deleted, last uint64, err error)

// New returns a brake that keeps its record in store.
func New(c Config, store Store, counts Counts) *Brake {
	return &Brake{config: c, store: store, counts: counts}
}

// Start looks at the stream, so that what is published from now on is counted.
func (b *Brake) Start(ctx context.Context) error {
	if b.config.Count == 0 {
		return nil
	}
	_, err := b.look(ctx)
	return err
}

// Deletion says what is to become of a deletion that was first taken up at first.
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
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.looked) < fresh && (b.good > 0 || !b.record.Held.IsZero()) {
		b.good -= min(b.good, 1)
		return b.record, nil
	}
	var deleted uint64
	var failed, err error
	b.record, err = Change(ctx, b.store, func(r *Record) { deleted, failed = b.take(ctx, r) })
	if err := errors.Join(err, failed); err != nil {
		return Record{}, err
	}
	b.looked, b.good = time.Now(), (b.config.Count-min(b.config.Count, deleted))/oneIn
	return b.record, nil
}

// take counts what was published in the window, puts the brake on where there is
// more than usual, and returns how many deletions there were.
func (b *Brake) take(ctx context.Context, r *Record) (deleted uint64, err error) {
	now, known := time.Now(), len(r.Ends) > 0
	base := r.base(now, b.config.Window)
	deleted, last, err := b.counts(ctx, base.Last)
	switch {
	case err != nil:
		return 0, fmt.Errorf("count events: %w", err)
	case last < base.Last: // the stream was made anew, and all that it holds came since
		r.Ends = []End{{At: base.At}}
		return b.take(ctx, r)
	case !known:
		deleted, base = 0, End{At: now, Last: last}
	}
	if !known || now.Sub(r.Ends[len(r.Ends)-1].At) >= b.config.Window/10 {
		r.Ends = append(r.Ends, End{At: now, Last: last})
	}
	r.judge(b.config, base, deleted, End{At: now, Last: last})
	return deleted, nil
}

// base returns the end that the window begins with: the newest that is as old as
// the window, or the oldest; and forgets those before it. It is zero where there is
// none.
func (r *Record) base(now time.Time, window time.Duration) (base End) {
	for len(r.Ends) > 1 && now.Sub(r.Ends[1].At) >= window {
		r.Ends = r.Ends[1:]
	}
	if len(r.Ends) > 0 {
		base = r.Ends[0]
	}
	return base
}

// judge puts the brake on where more than usual was deleted since base.
func (r *Record) judge(c Config, base End, deleted uint64, now End) {
	all := now.Last - base.Last
	many := deleted > c.Count
	most := deleted >= c.Least && float64(deleted) > c.Share*float64(all)
	if r.Held.IsZero() && (many || most) && now.At.After(r.Approved) {
		r.Held = now.At
		r.Why = fmt.Sprintf("%d of %d events since %s delete users", deleted, all, base.At.UTC().Format(time.RFC3339))
	}
}

// Approve lets held deletions go on, and keeps the brake off until then.
func (r *Record) Approve(until time.Time) {
	r.Held, r.Why, r.Approved, r.Ends = time.Time{}, "", until, nil
}

// Guard ends an approval before its time. What was published under it does not count.
func (r *Record) Guard(now time.Time) {
	if now.Before(r.Approved) {
		r.Approved, r.Ends = time.Time{}, nil
	}
}

// Discard makes dead letters of the deletions that are held now; of none where
// the brake is off.
func (r *Record) Discard(now time.Time) {
	if r.Held.IsZero() {
		return
	}
	r.Held, r.Why, r.Dropped, r.Ends = time.Time{}, "", now, nil
}
