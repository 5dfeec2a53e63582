package console

import (
	"context"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

const (
	maxCounted = 3_000_000 // results read to fill the windows
	maxSeries  = 256       // vendors
)

// counts holds the number of results of the last day, by vendor. The stream RESULTS is the only store:
// a new process reads the results of the day once, without data, and then follows the stream. The
// counts outlive their followers: the next follower reads only the results in between.
type counts struct {
	turn    chan struct{} // held by the follower that counts
	mu      sync.Mutex
	vendors map[string]*series
	extent  streams.Extent // all results up to extent.Last are counted, from covered on
	whole   bool           // the reading of former results has ended
	covered time.Time      // zero: nothing is counted yet
	kept    time.Time      // of the oldest result, if the stream has removed older ones
	tooMany bool           // more than maxCounted results
}

func newCounts() *counts {
	return &counts{turn: make(chan struct{}, 1), vendors: map[string]*series{}}
}

// of returns the series of a vendor. The caller holds the lock.
func (t *counts) of(vendor string) *series {
	s := t.vendors[vendor]
	if s == nil {
		s = newSeries()
		if len(t.vendors) < maxSeries {
			t.vendors[vendor] = s
		}
	}
	return s
}

// begin starts the counting of results after a position. Returns the sequence of the last result that
// is counted already; false if the day has to be read.
func (t *counts) begin(e streams.Extent) (after uint64, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known = t.whole && t.extent.Epoch == e.Epoch && t.extent.Last <= e.Last && e.Last-t.extent.Last < maxCounted
	if known {
		after = t.extent.Last
	} else {
		t.vendors, t.covered, t.kept, t.tooMany = map[string]*series{}, time.Time{}, time.Time{}, false
	}
	t.extent, t.whole = e, false
	return after, known
}

// add counts a result. A result that arrived after the begin moves the position.
func (t *counts) add(h streams.ResultHeader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(h.Vendor).add(h.At, kindOf(h.Type))
	if h.Position.Epoch == t.extent.Epoch && h.Position.Seq > t.extent.Last {
		t.extent.Last = h.Position.Seq
	}
}

// note keeps the time that a call took.
func (t *counts) note(vendor string, tookMS int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(vendor).note(tookMS)
}

// catchUp counts the results in between two followers.
func (t *counts) catchUp(ctx context.Context, s *ops.Service, after, end uint64) error {
	_, err := t.read(ctx, s, streams.ResultSpan{After: after, End: end}, maxCounted)
	if err == nil {
		t.filled(time.Time{}, true)
	}
	return err
}

// fill counts the results of the last day up to a position, the newest minutes first.
func (t *counts) fill(ctx context.Context, s *ops.Service, end streams.Extent, now time.Time) error {
	left, span := maxCounted, streams.ResultSpan{End: end.Last}
	for _, w := range windows {
		span.Since = now.Add(-w.Span() - time.Minute)
		got, err := t.read(ctx, s, span, left)
		if err != nil {
			return err
		}
		if left -= got.read; left <= 0 {
			t.stop()
			break
		}
		t.filled(span.Since, false)
		if got.first > 0 {
			span.End = got.first - 1
		}
	}
	t.filled(time.Time{}, true)
	return t.oldest(ctx, s, end)
}

// stop stores that the results were too many.
func (t *counts) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tooMany = true
}

// filled stores that all results since a time are counted, and whether the reading has ended. A zero
// time changes nothing.
func (t *counts) filled(since time.Time, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.whole = whole
	if !since.IsZero() && (t.covered.IsZero() || since.Before(t.covered)) {
		t.covered = since
	}
}

// reading is the outcome of reading a span.
type reading struct {
	first uint64 // sequence of the first result; zero: there was none
	read  int
}

// read counts the results of a span, at most so many.
func (t *counts) read(ctx context.Context, s *ops.Service, span streams.ResultSpan, most int) (got reading, err error) {
	for h, err := range s.Streams.Results.Headers(ctx, span) {
		if err != nil {
			return got, err
		}
		if got.read++; got.first == 0 {
			got.first = h.Position.Seq
		}
		t.mu.Lock()
		t.of(h.Vendor).add(h.At, kindOf(h.Type))
		t.mu.Unlock()
		if got.read >= most {
			break
		}
	}
	return got, ctx.Err()
}

// oldest stores since when results are kept, if the stream has removed older ones.
func (t *counts) oldest(ctx context.Context, s *ops.Service, end streams.Extent) error {
	if end.First <= 1 || end.Messages == 0 {
		return nil
	}
	for h, err := range s.Streams.Results.Headers(ctx, streams.ResultSpan{End: end.Last}) {
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.kept = h.At
		t.mu.Unlock()
		break
	}
	return nil
}

// counted is the count of a vendor in a window.
type counted struct {
	count
	Known bool // all results of the window are counted
}

// in returns the count of a vendor in a window.
func (t *counts) in(vendor string, w window, now time.Time) counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.covers(w, now) {
		return counted{}
	}
	return counted{w.sum(t.of(vendor), now), true}
}

// covers reports whether all results of a window are counted. The caller holds the lock.
func (t *counts) covers(w window, now time.Time) bool {
	return !t.covered.IsZero() && !now.Add(-w.Span()).Before(t.covered)
}

// gap returns the reason why the counts of a window are not there, or not of the whole window; empty
// if all are there.
func (t *counts) gap(w window, now time.Time) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.covers(w, now) && t.kept.After(now.Add(-w.Span())):
		return "Older results are not kept: the counts begin at " + clock(t.kept) + "."
	case t.covers(w, now):
		return ""
	case t.tooMany:
		return "Not counted: there were more than " + number(maxCounted) + " results. Choose a shorter time, or look at the metrics."
	default:
		return "The results of the last " + w.Words + " are being counted."
	}
}
