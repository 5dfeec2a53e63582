package memory

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/memory/index"
	"github.com/usherhq/usher/internal/streams"
)

// place is how far a stream was read.
type place struct {
	mu sync.Mutex
	at events.Position
}

func (p *place) get() events.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *place) set(at events.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = at
}

// reached reports whether the message at a sequence was read; epoch 0 stands for any.
func (p *place) reached(epoch int64, seq uint64) bool {
	at := p.get()
	return seq == 0 || at.Seq >= seq && (epoch == 0 || at.Epoch == epoch)
}

// follow repeats a reading until ctx ends.
func (m *Memory) follow(ctx context.Context, read func(context.Context) error) {
	for ctx.Err() == nil {
		m.warn(ctx, read(ctx), "cannot follow the results of activity, trying again")
	}
}

// followResults adds the results that are stored from the place on.
func (m *Memory) followResults(ctx context.Context) error {
	query, err := m.query(ctx)
	if err != nil {
		return err
	}
	for one, err := range m.client.Messages(ctx, streams.ResultsStream, query) {
		if err != nil {
			return err
		}
		if id, ok := resultID(one.Data); ok {
			if f, ok := index.OfResult(id); ok {
				m.index.Add(f, one.Stored)
				m.unsaved.Add(1)
			}
		}
		m.atResults.set(one.Position)
	}
	return ctx.Err()
}

// query selects the results behind the place, or those within the time of the memory if none was
// read. A stream made anew is read from the start.
func (m *Memory) query(ctx context.Context) (streams.Query, error) {
	q := streams.Query{Subjects: m.subjects, Follow: true}
	extent, err := m.client.Extent(ctx, streams.ResultsStream)
	if err != nil {
		return q, err
	}
	at := m.atResults.get()
	if at.Epoch == extent.Epoch {
		q.After = at.Seq
	}
	if q.After == 0 {
		q.Since = time.Now().Add(-m.config.Keep)
	} else if extent.First > at.Seq+1 {
		m.log.Error().Str("vendor", m.config.Vendor).Uint64("results", extent.First-at.Seq-1).
			Msg("results were removed from RESULTS before they were remembered: a repeat of an activity among them is carried out again")
	}
	return q, nil
}

// followRecords adds the records that are stored from the place on.
func (m *Memory) followRecords(ctx context.Context) error {
	query := streams.Query{HeadersOnly: true, Follow: true, After: m.atRecords.get().Seq}
	for one, err := range m.records.Messages(ctx, m.pattern(), query) {
		if err != nil {
			return err
		}
		key := one.Subject[strings.LastIndexByte(one.Subject, '.')+1:]
		if f, ok := index.OfResult(events.ResultID(key, m.config.Vendor, 0)); ok {
			m.index.Add(f.AsRecord(), one.Stored)
		}
		m.atRecords.set(one.Position)
	}
	return ctx.Err()
}
