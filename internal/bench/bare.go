package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
)

// BareOptions is what the bare loop is told.
type BareOptions struct {
	NATS        string // the server's URL
	Vendors     string // host:port of the stand-in
	Load        string
	Concurrency int    // messages at work at a time, per vendor
	Writes      int    // into JetStream KV per message: 0; 1, before the call; 2, before and after it
	Addr        string // where it tells its allocations
}

// RunBare is the bare loop: consume, call, publish the result and wait for its
// PubAck, ack. It is what a careful engineer writes who has no need of any of
// Usher's promises; the order of one user's events is kept, or lives would fail.
// It runs until ctx ends.
func RunBare(ctx context.Context, o BareOptions) error {
	load, err := LoadNamed(o.Load)
	if err != nil {
		return err
	}
	nc, err := nats.Connect(o.NATS, nats.Name("bare"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	kv, err := js.KeyValue(ctx, bus.EffectsKV)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return tellAllocations(ctx, o.Addr) })
	for _, v := range load.Vendors {
		b := &bare{vendor: v, options: o, js: js, kv: kv, caller: newCaller(o.Vendors, o.Concurrency), lines: newLines(o.Concurrency, load.Lifecycle)}
		group.Go(func() error { return b.run(ctx) })
	}
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// bare is the loop of one vendor.
type bare struct {
	vendor  string
	options BareOptions
	js      jetstream.JetStream
	kv      jetstream.KeyValue
	caller  *caller
	lines   *lines
}

func (b *bare) run(ctx context.Context) error {
	if err := b.caller.login(ctx, b.vendor); err != nil {
		return err
	}
	consumer, err := b.js.Consumer(ctx, bus.EventsStream, durable(b.vendor))
	if err != nil {
		return err
	}
	// On a busy machine Consume stalls now and then (nats.go #1622), until it misses
	// the server's sign of life: after its usual 30 s that would decide a whole run.
	consuming, err := consumer.Consume(func(m jetstream.Msg) { b.take(ctx, m) },
		jetstream.PullMaxMessages(2*b.options.Concurrency), jetstream.PullExpiry(time.Second))
	if err != nil {
		return err
	}
	<-ctx.Done()
	consuming.Stop()
	b.lines.close()
	return nil
}

// take decodes a message and gives it a place in line.
func (b *bare) take(ctx context.Context, m jetstream.Msg) {
	var e bareEvent
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		_ = m.Term()
		return
	}
	b.lines.put(ctx, e.Data.UserID, func() {
		err := b.handle(ctx, &e)
		if err == nil {
			err = m.Ack()
		} else {
			err = errors.Join(err, m.NakWithDelay(time.Second))
		}
		if err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintln(os.Stderr, b.vendor, e.ID, err)
		}
	})
}

// handle does the work of one event.
func (b *bare) handle(ctx context.Context, e *bareEvent) (err error) {
	key, revision := b.vendor+"."+e.ID, uint64(0)
	if b.options.Writes > 0 {
		if revision, err = b.kv.Create(ctx, key, []byte(`{"state":"started"}`)); err != nil {
			return fmt.Errorf("claim: %w", err)
		}
	}
	if err := b.caller.call(ctx, b.vendor, e); err != nil {
		return err
	}
	if b.options.Writes > 1 {
		if _, err := b.kv.Update(ctx, key, []byte(`{"state":"done"}`), revision); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	return b.publish(ctx, e)
}

// bareEvent is an event as far as the bare loop reads it.
type bareEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data struct {
		UserID     string          `json:"user_id"`
		Email      string          `json:"email"`
		FirstName  string          `json:"first_name"`
		LastName   string          `json:"last_name"`
		CourseID   string          `json:"course_id"`
		Name       string          `json:"name"`
		OccurredAt time.Time       `json:"occurred_at"`
		Properties json.RawMessage `json:"properties"`
	} `json:"data"`
}

// bareResult is the CloudEvent that tells of an event's end.
type bareResult struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	CausationID string    `json:"causationid"`
	Data        struct {
		Vendor  string `json:"vendor"`
		Outcome string `json:"outcome"`
	} `json:"data"`
}

// publish stores the result and waits until the server says that it has it.
func (b *bare) publish(ctx context.Context, e *bareEvent) error {
	kind := events.ResultType(e.Type, events.Done)
	r := bareResult{
		SpecVersion: "1.0", ID: e.ID + "." + b.vendor, Source: "/bare", Type: kind, Subject: e.Data.UserID,
		Time: time.Now().UTC(), ContentType: "application/json", CausationID: e.ID,
	}
	r.Data.Vendor, r.Data.Outcome = b.vendor, events.Done
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	m := &nats.Msg{
		Subject: events.ResultSubject(kind, b.vendor), Data: payload,
		Header: nats.Header{"Content-Type": {"application/cloudevents+json"}, jetstream.MsgIDHeader: {r.ID}},
	}
	if _, err := b.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// tellAllocations answers with the one metric that the bench asks for.
func tellAllocations(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		_, _ = w.Write([]byte("\ngo_memstats_mallocs_total " + strconv.FormatUint(m.Mallocs, 10) + "\n"))
	})}
	var serving sync.WaitGroup
	serving.Go(func() { err = server.Serve(listener) })
	<-ctx.Done()
	closed := server.Close()
	serving.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return closed
}

// startBare starts a process of the bare loop.
func (s *stage) startBare(ctx context.Context, name string) (*worker, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	p, err := start(s.dir, name, nil, s.config.Program, "bench-part", "bare", "--nats", s.url, "--vendors", s.stands,
		"--load", s.plan.Load.Name, "--concurrency", strconv.Itoa(s.plan.Concurrency), "--writes", strconv.Itoa(s.contestant.Writes), "--addr", addr)
	if err != nil {
		return nil, err
	}
	w := &worker{process: p, metrics: func(ctx context.Context) (float64, error) { return allocations(ctx, addr) }}
	return w, until(ctx, 20*time.Second, "the bare loop answers", func() bool {
		w.before, err = w.metrics(ctx)
		return err == nil
	}, p)
}
