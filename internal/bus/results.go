package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// ResultsQuery says which results are read. The zero value is all that the
// stream holds.
type ResultsQuery struct {
	Vendor string    // of this vendor only
	Types  []string  // of these result types only
	Since  time.Time // stored at or after this time only
	Follow bool      // wait for further results at the end of the stream
}

// Results calls yield with each result, oldest first, until it returns false,
// until the end of the stream where the query does not follow it, or until ctx
// ends, whose error it then returns. Messages that hold no result are passed over.
func (b *Bus) Results(ctx context.Context, q ResultsQuery, yield func(events.Event, events.Result) bool) error {
	r := reading{stream: ResultsStream, consumer: q.consumer(), follow: q.Follow}
	return b.scan(ctx, r, func(m jetstream.Msg) bool {
		e, result, ok := readResult(m)
		return !ok || yield(e, result)
	})
}

// consumer is how the server is asked for the results.
func (q ResultsQuery) consumer() jetstream.OrderedConsumerConfig {
	var c jetstream.OrderedConsumerConfig
	if !q.Since.IsZero() {
		c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &q.Since
	}
	types, vendor := q.Types, q.Vendor
	if len(types) == 0 && vendor == "" {
		return c
	}
	if len(types) == 0 {
		types = events.ResultTypes()
	}
	if vendor == "" {
		vendor = "*"
	}
	for _, t := range types {
		c.FilterSubjects = append(c.FilterSubjects, events.ResultSubject(t, vendor))
	}
	return c
}

// readResult reads a message of the results' stream.
func readResult(m jetstream.Msg) (e events.Event, r events.Result, ok bool) {
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return e, r, false
	}
	if err := json.Unmarshal(e.Data(), &r); err != nil {
		return e, r, false
	}
	return e, r, r.Vendor != "" && r.Outcome != ""
}

// Told is a result as it stands in its stream.
type Told struct {
	Type   string // of the result, such as user.provisioned
	Vendor string
	At     time.Time // when it was stored
	m      jetstream.Msg
}

// Read reads what the result says; ok is false where it holds none.
func (t Told) Read() (e events.Event, r events.Result, ok bool) { return readResult(t.m) }

// Tail calls yield with the last results, oldest first, and then with each further
// one, until yield returns false, or until ctx ends, whose error it then returns.
// A result is read only when Read is called: to count results costs little.
func (b *Bus) Tail(ctx context.Context, last int, yield func(Told) bool) error {
	stream, err := b.js.Stream(ctx, ResultsStream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", ResultsStream, err)
	}
	state := stream.CachedInfo().State
	first := max(1, state.FirstSeq)
	if behind := uint64(max(0, last)); state.LastSeq >= behind {
		first = max(first, state.LastSeq-behind+1)
	}
	r := reading{stream: ResultsStream, follow: true, consumer: jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: first,
	}}
	return b.scan(ctx, r, func(m jetstream.Msg) bool {
		at := strings.LastIndexByte(m.Subject(), '.')
		meta, err := m.Metadata()
		if at < 0 || err != nil {
			return true
		}
		return yield(Told{Type: m.Subject()[:at], Vendor: m.Subject()[at+1:], At: meta.Timestamp, m: m})
	})
}
