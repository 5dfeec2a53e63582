// Package memory remembers the activities of one vendor. A stored result is the memory of its
// activity; a failed or waiting activity has a record in the bucket of activity. Each process
// follows both streams, and keeps fingerprints in memory (package index). The owner of the vendor
// also stores the fingerprints in segments, so that a start reads only the last results.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/memory/index"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

// Config describes the memory of a vendor.
type Config struct {
	Vendor  string
	Keep    time.Duration // the time for which an activity is remembered
	Records string        // bucket of the records of activity
	Index   string        // bucket of the segments
}

// Memory is the memory of one vendor. The methods may be called concurrently.
type Memory struct {
	config  Config
	client  streams.Client
	log     zerolog.Logger
	index   *index.Index
	records *streams.Records
	archive *streams.Records

	subjects  []string // of the results of activity
	atResults place
	atRecords place
	segment   int          // most results of a segment
	unsaved   atomic.Int64 // results without a segment
	current   atomic.Int64 // the time up to which everything stored is known, in ns since begin
	begin     time.Time
}

// Open opens the buckets, which must exist. Run fills the memory.
func Open(ctx context.Context, c Config, client streams.Client, log zerolog.Logger) (*Memory, error) {
	m := &Memory{config: c, client: client, log: log, index: index.New(c.Keep), subjects: Subjects(client.Names, c.Vendor), segment: perSegment, begin: time.Now()}
	var err [2]error
	m.records, err[0] = streams.OpenRecords(ctx, client, c.Records)
	m.archive, err[1] = streams.OpenRecords(ctx, client, c.Index)
	m.current.Store(-1)
	return m, errors.Join(err[:]...)
}

// Subjects returns the subjects of the results of activity at a vendor.
func Subjects(n streams.Names, vendor string) (list []string) {
	for _, kind := range events.ActivityResultTypes() {
		list = append(list, n.Result(kind, vendor))
	}
	return list
}

// Knows reports whether the result of an event is stored, and whether the event may have a record.
func (m *Memory) Knows(eventKey string) (result, record bool) {
	f, ok := index.OfResult(events.ResultID(eventKey, m.config.Vendor, 0))
	return ok && m.index.Has(f), ok && m.index.Has(f.AsRecord())
}

// HasResultID reports whether a result is stored.
func (m *Memory) HasResultID(id string) bool {
	f, ok := index.OfResult(id)
	return ok && m.index.Has(f)
}

// AddResult adds a result that this process has stored.
func (m *Memory) AddResult(id string) {
	if f, ok := index.OfResult(id); ok {
		m.index.Add(f, time.Now())
	}
}

// AddRecord adds an event whose record this process has stored.
func (m *Memory) AddRecord(eventKey string) {
	if f, ok := index.OfResult(events.ResultID(eventKey, m.config.Vendor, 0)); ok {
		m.index.Add(f.AsRecord(), time.Now())
	}
}

// Size returns the number of fingerprints and the bytes in use.
func (m *Memory) Size() (n, bytes int) { return m.index.Len() }

const (
	// behind is the longest time for which the memory may not have been compared with the streams.
	behind = 10 * time.Second
	// compareEvery is the time between two comparisons.
	compareEvery = time.Second
	retry        = time.Second
)

// Current reports whether the memory knows everything stored until a few seconds ago.
func (m *Memory) Current() bool {
	at := m.current.Load()
	return at >= 0 && time.Since(m.begin)-time.Duration(at) < behind
}

// Run fills the memory and follows the streams until ctx ends.
func (m *Memory) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := m.load(ctx)
		if err == nil {
			break
		}
		m.warn(ctx, err, "the stored memory of activities cannot be read, trying again")
	}
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { m.follow(ctx, m.followResults) })
	following.Go(func() { m.follow(ctx, m.followRecords) })
	for filled := false; ctx.Err() == nil; pause.For(ctx, compareEvery) {
		limit, cancel := context.WithTimeout(ctx, behind)
		err := m.CatchUp(limit)
		cancel()
		switch {
		case err == nil && !filled:
			filled = true
			n, _ := m.Size()
			m.log.Info().Str("vendor", m.config.Vendor).Int("activities", n).Int64("took_ms", time.Since(m.begin).Milliseconds()).Msg("the memory of activities is filled")
		case err != nil && filled:
			m.warn(ctx, err, "the memory of activities is behind the stream; no activity begins meanwhile")
		}
		m.index.Forget(time.Now())
	}
}

func (m *Memory) warn(ctx context.Context, err error, text string) {
	if ctx.Err() == nil {
		m.log.Warn().Err(err).Str("vendor", m.config.Vendor).Msg(text)
		pause.For(ctx, retry)
	}
}

// KnewAt reports whether the memory knows everything stored before a time.
func (m *Memory) KnewAt(t time.Time) bool { return time.Duration(m.current.Load()) >= t.Sub(m.begin) }

// CatchUp waits until the memory knows everything stored before the call.
func (m *Memory) CatchUp(ctx context.Context) error {
	at := time.Since(m.begin)
	extent, err := m.client.Extent(ctx, streams.ResultsStream)
	if err != nil {
		return err
	}
	result, err := m.client.LastOf(ctx, streams.ResultsStream, m.subjects, time.Now().Add(-m.config.Keep))
	if err != nil {
		return err
	}
	record, err := m.records.LastOf(ctx, m.pattern())
	if err != nil {
		return err
	}
	for !m.atResults.reached(extent.Epoch, result) || !m.atRecords.reached(0, record) {
		if pause.For(ctx, 5*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("memory of activities: read up to %d of %d: %w", m.atResults.get().Seq, result, ctx.Err())
		}
	}
	m.current.Store(max(m.current.Load(), int64(at)))
	return nil
}

// pattern returns the pattern of the keys of the records of the vendor.
func (m *Memory) pattern() string { return m.config.Vendor + ".>" }

// load reads the stored segments.
func (m *Memory) load(ctx context.Context) error {
	extent, err := m.client.Extent(ctx, streams.ResultsStream)
	if err != nil {
		return err
	}
	segments := make(chan *segment, 4)
	var runs []*segment
	var reading sync.WaitGroup
	reading.Go(func() {
		for s := range segments {
			if s.run.Last.After(time.Now().Add(-m.config.Keep)) {
				runs = append(runs, s)
			}
		}
	})
	err = eachSegment(ctx, m.archive, m.config.Vendor, func(s *segment) { segments <- s })
	close(segments)
	reading.Wait()
	if err != nil {
		return err
	}
	slices.SortStableFunc(runs, func(a, b *segment) int { return a.run.First.Compare(b.run.First) })
	for _, s := range runs {
		m.index.AddRun(s.run)
	}
	m.atResults.set(events.Position{Epoch: extent.Epoch, Seq: chainEnd(runs, extent.Epoch)})
	return nil
}
