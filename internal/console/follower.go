package console

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

const (
	lastResults = 5000 // read at the start of a follower
	maxRows     = 200  // of the feed
	beat        = 300 * time.Millisecond
	readsABeat  = 60 // results read, and not only counted: 200 a second
	statusEvery = 2 * time.Second
)

// row is a result in the feed.
type row struct {
	Number   uint64 // in the order of reading
	At       time.Time
	Vendor   string
	Type     string // of the event
	Kind     string
	Outcome  string
	EventID  string
	UserID   string
	Attempts int
	TookMS   int64
	Why      string // of a failure
}

// follower follows the results for all open pages. Each result is counted by its subject; only
// the newest are read, and failures before others.
type follower struct {
	service func() *ops.Service
	log     zerolog.Logger

	mu       sync.Mutex
	vendors  map[string]*series
	failed   []streams.ResultHeader // not read yet
	others   []streams.ResultHeader
	rows     []row     // newest last
	begun    time.Time // start of the last tail
	newest   time.Time // of the results kept for reading
	known    time.Time // results up to this time were kept by an earlier tail
	read     uint64
	first    chan struct{} // closed after the first read
	unread   uint64        // counted and never read: too many a second
	status   ops.Status
	failure  error // of the last status
	statusAt time.Time
}

func newFollower(d Deps) *follower {
	return &follower{service: d.Service, log: d.Log, vendors: map[string]*series{}, first: make(chan struct{})}
}

// awaitFirst waits a moment for the first results of a new follower.
func (f *follower) awaitFirst(ctx context.Context) {
	moment := time.NewTimer(2 * beat)
	defer moment.Stop()
	select {
	case <-f.first:
	case <-moment.C:
	case <-ctx.Done():
	}
}

// run follows the results until ctx ends.
func (f *follower) run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { f.tail(ctx) })
	group.Go(func() { every(ctx, beat, func() { f.take(readsABeat) }) })
	every(ctx, statusEvery, func() { f.refresh(ctx) })
}

// every calls do, with a pause after each call, until ctx ends.
func every(ctx context.Context, pause time.Duration, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for ctx.Err() == nil {
		do()
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// tail counts results as they arrive, and starts again after a failure of NATS.
func (f *follower) tail(ctx context.Context) {
	every(ctx, time.Second, func() {
		s := f.service()
		if s == nil {
			return
		}
		f.mu.Lock()
		f.vendors, f.failed, f.others = map[string]*series{}, nil, nil
		f.begun, f.known = time.Now(), f.newest
		f.mu.Unlock()
		for result, err := range s.Streams.Results.Tail(ctx, lastResults) {
			if err == nil {
				f.count(result)
			} else if ctx.Err() == nil {
				f.log.Warn().Err(err).Msg("console: the results cannot be followed, trying again")
			}
		}
	})
}

// count counts a result, and keeps the result until it is read or dropped.
func (f *follower) count(t streams.ResultHeader) {
	kind := kindOf(t.Type)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of(t.Vendor).add(t.At, kind)
	if !t.At.After(f.known) {
		return
	}
	f.newest = t.At
	list := &f.others
	if kind == kindFailed {
		list = &f.failed
	}
	if len(*list) == maxRows {
		f.skip((*list)[:1])
		*list = slices.Delete(*list, 0, 1)
	}
	*list = append(*list, t)
}

// skip counts results as unread, except those from before the tail.
func (f *follower) skip(list []streams.ResultHeader) {
	for _, t := range list {
		if t.At.After(f.begun) {
			f.unread++
		}
	}
}

// of returns the series of a vendor.
func (f *follower) of(vendor string) *series {
	s := f.vendors[vendor]
	if s == nil {
		s = &series{}
		f.vendors[vendor] = s
	}
	return s
}

// take reads the newest unread results, up to most.
func (f *follower) take(most int) {
	list := f.pick(most)
	slices.SortStableFunc(list, func(a, b streams.ResultHeader) int { return a.At.Compare(b.At) })
	var rows []row
	for _, t := range list {
		if r, ok := rowOf(t); ok {
			rows = append(rows, r)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		if f.read++; f.read == 1 {
			close(f.first)
		}
		r.Number = f.read
		f.rows = append(f.rows, r)
		if r.Kind == kindDone {
			f.of(r.Vendor).note(r.TookMS)
		}
	}
	f.rows = slices.Clone(f.rows[max(0, len(f.rows)-maxRows):])
}

// pick removes and returns the results to read next, up to most.
func (f *follower) pick(most int) []streams.ResultHeader {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.begun) < 3*time.Second {
		most = maxRows
	}
	fails := min(len(f.failed), max(most/2, most-len(f.others)))
	others := min(len(f.others), most-fails)
	oldFails, oldOthers := len(f.failed)-fails, len(f.others)-others
	f.skip(f.failed[:oldFails])
	f.skip(f.others[:oldOthers])
	list := slices.Concat(f.failed[oldFails:], f.others[oldOthers:])
	f.failed, f.others = nil, nil
	return list
}

func rowOf(t streams.ResultHeader) (row, bool) {
	result, ok := t.Read()
	if !ok {
		return row{}, false
	}
	r := result.Data
	rw := row{
		At: t.At, Vendor: t.Vendor, Type: r.Event.Type, Kind: kindOf(t.Type), Outcome: r.Outcome,
		EventID: r.Event.ID, UserID: result.Event.Subject(), Attempts: r.Attempts, TookMS: r.TookMS,
	}
	if r.Error != nil {
		rw.Why = r.Error.Message
	}
	return rw, true
}

// refresh reads the status of all vendors.
func (f *follower) refresh(ctx context.Context) {
	s := f.service()
	err := errors.New(errAway.title)
	var now ops.Status
	if s != nil {
		limit, cancel := context.WithTimeout(ctx, streams.CallTimeout)
		defer cancel()
		now, err = s.Status(limit)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statusAt, f.failure = time.Now(), err
	if err == nil {
		f.status = now
	}
}

// since returns the rows after number, newest first, and the number of unread results.
func (f *follower) since(number uint64) (rows []row, unread uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range slices.Backward(f.rows) {
		if r.Number <= number {
			break
		}
		rows = append(rows, r)
	}
	return rows, f.unread
}
