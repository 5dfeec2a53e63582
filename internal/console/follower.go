package console

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

const (
	lastResults = 500 // read at the start of a follower
	maxRows     = 200 // of the feed
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
	Course   string // our id; empty for other events
	Attempts int
	TookMS   int64
	Why      string // of a failure
}

// follower follows the results for all open pages. The counts include each result by its subject; only
// the newest are read, and failures before others.
type follower struct {
	service func() *ops.Service
	log     zerolog.Logger

	counts   *counts
	mu       sync.Mutex
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
	held     int       // deletions on hold; negative: not known
	heldNext time.Time // of the next count of the held deletions
}

func newFollower(d Deps, t *counts) *follower {
	return &follower{service: d.Service, log: d.Log, counts: t, first: make(chan struct{})}
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
		if err := f.tailOnce(ctx, s); err != nil && ctx.Err() == nil {
			f.log.Warn().Err(err).Msg("console: the results cannot be followed, trying again")
		}
	})
}

// tailOnce counts the former results, and each further result, until an error.
func (f *follower) tailOnce(ctx context.Context, s *ops.Service) error {
	select {
	case f.counts.turn <- struct{}{}: // a former follower may still be ending
		defer func() { <-f.counts.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	end, err := s.Streams.Results.Extent(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.failed, f.others = nil, nil
	f.begun, f.known = time.Now(), f.newest
	f.mu.Unlock()
	after, known := f.counts.begin(end)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if known {
			return f.counts.catchUp(ctx, s, after, end.Last)
		}
		return f.counts.fill(ctx, s, end, time.Now())
	})
	group.Go(func() error {
		for h, err := range s.Streams.Results.Tail(ctx, end.Last-min(end.Last, lastResults)) {
			if err != nil {
				return err
			}
			if h.Position.Seq > end.Last || h.Position.Epoch != end.Epoch {
				f.counts.add(h)
			}
			f.keep(h)
		}
		return nil
	})
	return group.Wait()
}

// keep keeps a result until the result is read or dropped.
func (f *follower) keep(t streams.ResultHeader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !t.At.After(f.known) {
		return
	}
	f.newest = t.At
	list := &f.others
	if kindOf(t.Type) == kindFailed {
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
			f.counts.note(r.Vendor, r.TookMS)
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
		EventID: r.Event.ID, UserID: result.Event.Subject(), Course: r.CourseID, Attempts: r.Attempts, TookMS: r.TookMS,
	}
	if r.Error != nil {
		rw.Why = r.Error.Message
	}
	return rw, true
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
