// Package deletionguard stops the deletion of users, at all vendors or at one, if far more users are
// to be deleted than usual, until a person approves or discards the deletions. A wrong export
// upstream is a common way to lose a school in a minute.
//
// A Guard counts the events published to the stream within the window just past: user.deleted,
// and all. Time without deletions before the window counts for nothing. The Guard of one vendor
// also counts the removals there that are no published deletions, such as repairs.
package deletionguard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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

// Counts returns the number of events since a time: of user.deleted, and of all types.
type Counts func(ctx context.Context, since time.Time) (deleted, all uint64, err error)

// Guard holds deletions by the limits over all vendors, or by the limits of one. The methods may be
// called concurrently.
type Guard struct {
	config Config
	key    string // of the record
	store  Store
	counts Counts
	over   *Guard // for one vendor: the guard over all vendors
	// spared says that user.deleted removes nothing at the vendor.
	spared bool
	held   atomic.Bool // in record

	refreshing sync.Mutex // held during a refresh
	counted    time.Time
	allowance  uint64               // deletions without a new count
	noted      map[string]time.Time // by the key of a removal: the time of its count
	pending    uint64               // removals counted and not stored yet

	mu       sync.Mutex
	record   Record    // as last read
	released []*signal // at the end of a hold
	approved *signal   // for one vendor: at the approval of a single user
}

// New returns the guard over all vendors, with its record in store.
func New(c Config, store Store, counts Counts) *Guard {
	return &Guard{config: c, key: Key, store: store, counts: counts}
}

// Start begins the first window, unless another process has.
func (g *Guard) Start(ctx context.Context) error {
	if g.config.Count == 0 {
		return nil
	}
	r, err := Change(ctx, g.store, g.key, func(r *Record) {
		if r.Since.IsZero() {
			r.Since = time.Now()
		}
	})
	if err == nil {
		g.set(r)
	}
	return err
}

// See keeps a stored record as last read; nil for none.
func (g *Guard) See(value []byte) {
	var r Record
	if len(value) == 0 || json.Unmarshal(value, &r) == nil {
		g.set(r)
	}
}

// set keeps the record as last read, and fires the signals at the end of a hold, and at the
// begin of an approval.
func (g *Guard) set(r Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ended := g.held.Load() && r.Held.IsZero() || g.record.Dropped.Before(r.Dropped) || g.record.Approved.Before(r.Approved)
	users := !maps.EqualFunc(g.record.Users, r.Users, time.Time.Equal)
	g.record = r
	g.held.Store(!r.Held.IsZero())
	for _, s := range g.released {
		if ended {
			s.fire()
		}
	}
	if users && g.approved != nil {
		g.approved.fire()
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

// current returns the present record, after a count of the removal if its key is not empty.
func (g *Guard) current(ctx context.Context, key string) (Record, error) {
	if g.config.Count == 0 && g.over == nil {
		return g.Record(), nil
	}
	return g.refresh(ctx, key)
}

// refresh returns the current record, with a hold if the limits are exceeded.
func (g *Guard) refresh(ctx context.Context, key string) (Record, error) {
	g.refreshing.Lock()
	defer g.refreshing.Unlock()
	g.note(key)
	if time.Since(g.counted) < countValid && (g.allowance > 0 || g.Holds()) {
		g.allowance -= min(g.allowance, 1)
		return g.Record(), nil
	}
	var removed uint64
	var failed error
	r, err := Change(ctx, g.store, g.key, func(r *Record) {
		r.add(g.pending, time.Now(), g.config.Window)
		if r.Held.IsZero() {
			removed, failed = g.checkLimits(ctx, r)
		}
	})
	if err == nil {
		g.pending = 0
	}
	if err := errors.Join(err, failed); err != nil {
		return Record{}, err
	}
	g.set(r)
	g.counted, g.allowance = time.Now(), (g.config.Count-min(g.config.Count, removed))/allowanceShare
	return r, nil
}

// note counts a removal once. Removals during a hold or an approval do not count.
func (g *Guard) note(key string) {
	now, r := time.Now(), g.Record()
	if key == "" || g.config.Count == 0 || g.Holds() || g.since(&r, now).After(now) {
		return
	}
	if _, repeated := g.noted[key]; repeated {
		return
	}
	if g.noted == nil {
		g.noted = map[string]time.Time{}
	}
	g.noted[key] = now
	g.pending++
}

// forget drops the keys of removals from before the window.
func (g *Guard) forget(since time.Time) {
	for key, at := range g.noted {
		if at.Before(since) {
			delete(g.noted, key)
		}
	}
}

// since returns the start of the window: during an approval, its end.
func (g *Guard) since(r *Record, now time.Time) time.Time {
	since := now.Add(-g.config.Window)
	if since.Before(r.Since) {
		since = r.Since
	}
	if g.over != nil {
		if all := g.over.Record().Since; since.Before(all) {
			since = all
		}
	}
	return since
}

// checkLimits begins a hold if the removals of the window exceed a limit, and returns their number.
func (g *Guard) checkLimits(ctx context.Context, r *Record) (removed uint64, err error) {
	now, c := time.Now(), g.config
	since := g.since(r, now)
	if c.Count == 0 || since.After(now) {
		return 0, nil
	}
	g.forget(since)
	n, err := g.number(ctx, r, since)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	overCount := n.removed() > c.Count
	overShare := n.removed() >= c.Least && float64(n.removed()) > c.Share*float64(n.all)
	if overCount || overShare {
		r.Held = now
		r.Why = n.why(since)
	}
	return n.removed(), nil
}

// numbers are the counts of a window.
type numbers struct {
	deleted  uint64 // events that delete users
	recorded uint64 // other removals
	all      uint64 // events
}

func (n numbers) removed() uint64 { return n.deleted + n.recorded }

// why returns the reason of a hold.
func (n numbers) why(since time.Time) string {
	at := since.UTC().Format(time.RFC3339)
	if n.recorded == 0 {
		return fmt.Sprintf("%d of %d events since %s delete users", n.deleted, n.all, at)
	}
	return fmt.Sprintf("%d accounts are to be removed, and %d events came, since %s", n.removed(), n.all, at)
}

// number counts the window. The events are not counted for a vendor if the guard over all vendors
// holds as early.
func (g *Guard) number(ctx context.Context, r *Record, since time.Time) (n numbers, err error) {
	n.recorded = r.recorded(since, g.config.Window)
	if g.over != nil && n.recorded == 0 && (g.spared || g.config == g.over.config) {
		return n, nil
	}
	n.deleted, n.all, err = g.counts(ctx, since)
	if g.spared {
		n.deleted = 0
	}
	return n, err
}
