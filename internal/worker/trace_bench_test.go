package worker_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/internal/worker"
)

// shelf is a ledger's store in memory.
type shelf struct {
	mu      sync.Mutex
	records map[string][]byte
	turns   map[string]uint64
}

func (s *shelf) Load(_ context.Context, key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[key], s.turns[key], nil
}

func (s *shelf) Save(_ context.Context, key string, record []byte, _ uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[key] = record
	s.turns[key]++
	return s.turns[key], nil
}

// deaf takes all that it is told.
type deaf struct{}

func (deaf) Publish(context.Context, string, events.Event) error       { return nil }
func (deaf) Bury(context.Context, bus.DeadLetter) error                { return nil }
func (deaf) Settle(context.Context, string, string, string, int) error { return nil }
func (deaf) HandOver(context.Context) error                            { return nil }
func (deaf) Delivered(_ context.Context, after uint64, _ func(worker.Message)) (uint64, error) {
	return after, nil
}

// pile is a lane of so many creations.
type pile struct {
	deaf
	left  int
	acked *atomic.Int64
}

func (l *pile) Fetch(n int, wait time.Duration, take func(worker.Message)) error {
	if l.left == 0 {
		time.Sleep(wait / 100)
	}
	for ; n > 0 && l.left > 0; n-- {
		take(&slip{seq: uint64(l.left), acked: l.acked})
		l.left--
	}
	return nil
}

// slip is one delivery of it.
type slip struct {
	seq   uint64
	acked *atomic.Int64
}

func (l *slip) Subject() string             { return events.UserCreated }
func (l *slip) Header() map[string][]string { return nil }
func (l *slip) At() bus.Place {
	return bus.Place{Stream: "EVENTS", Epoch: 1, Seq: l.seq, Delivery: 1}
}
func (l *slip) Ack() error                  { l.acked.Add(1); return nil }
func (l *slip) Nak(time.Duration) error     { return nil }
func (l *slip) Renew(context.Context) error { return nil }
func (l *slip) Payload() []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"/school","type":"user.created","data":{"user_id":"u%d","email":"ada@example.org"}}`, l.seq, l.seq)
}

// BenchmarkAttempt is what an effect costs in the process, with traces off and on.
func BenchmarkAttempt(b *testing.B) {
	made, err := telemetry.NewTraces(telemetry.TracesConfig{Endpoint: "http://127.0.0.1:1", Ratio: 1, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	defer made.Close(time.Second)
	for name, tracer := range map[string]trace.Tracer{"off": nil, "on": made.Tracer()} {
		b.Run(name, func(b *testing.B) { attempts(b, tracer) })
	}
}

func attempts(b *testing.B, tracer trace.Tracer) {
	book := &ledger.Book{Store: &shelf{records: map[string][]byte{}, turns: map[string]uint64{}}, Timeout: time.Second}
	var calls, acked atomic.Int64
	w, err := worker.New(handlers.Vendor{Name: "acme", Port: creator{&calls, func(int64) error { return nil }}}, worker.Config{
		Source: "/usher", Concurrency: 2, Prefetch: 64,
		CallTimeout: callTimeout, CallLease: callLease, AckWait: ackWait, Ceiling: time.Minute,
		MaxAge: time.Hour, PrerequisiteWait: time.Minute, Keep: 2 * time.Hour,
		RetryMin: time.Second, RetryMax: 10 * time.Second, HoldRetry: 30 * time.Second, HoldAfter: 20,
	}, worker.Deps{
		Accounts: book, Effects: book, Results: deaf{}, Graves: deaf{}, Tracer: tracer,
		Validate: func(events.Event) error { return nil }, Handlers: []handlers.Handler{handlers.UserCreated()}, Log: zerolog.Nop(),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	b.ReportAllocs()
	b.ResetTimer()
	var served sync.WaitGroup
	served.Go(func() {
		w.Run(ctx, time.Second, func(context.Context) (worker.Lane, error) { return &pile{left: b.N, acked: &acked}, nil })
	})
	for acked.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	stop()
	served.Wait()
}
