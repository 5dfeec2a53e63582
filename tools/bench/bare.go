package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/tools/process"
)

// BareOptions holds the options of the bare loop.
type BareOptions struct {
	NATS        string // the server's URL
	Vendors     string // host:port of the fake vendors
	Load        string
	Calls       string // file with the recorded calls
	Concurrency int    // concurrent messages per vendor
	Writes      int    // KV writes per message: 0; 1, before the call; 2, before and after the call
	Addr        string // address of the metrics
}

// RunBare runs the bare loop until ctx ends: consume, call, publish the result, wait for the PubAck,
// ack. A careful engineer without need of Usher's guarantees would write the same loop. The bare
// loop keeps the order of one user's events, because vendors reject other orders.
func RunBare(ctx context.Context, o BareOptions) error {
	load, err := LoadNamed(o.Load)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(o.Calls)
	if err != nil {
		return err
	}
	var calls []call
	if err := json.Unmarshal(text, &calls); err != nil {
		return fmt.Errorf("%s: %w", o.Calls, err)
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
	group.Go(func() error { return serve(ctx, o.Addr, http.HandlerFunc(allocated)) })
	for _, v := range load.Vendors {
		b := &bare{
			vendor: v, options: o, load: load, js: js, kv: kv,
			replay: newReplay(v, calls, o), queues: newQueues(o.Concurrency, load.Lifecycle),
		}
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
	load    Load
	js      jetstream.JetStream
	kv      jetstream.KeyValue
	replay  *replay
	queues  *queues
}

func (b *bare) run(ctx context.Context) error {
	if err := b.replay.step(ctx, before, map[string]string{}); err != nil {
		return err
	}
	consumer, err := b.js.Consumer(ctx, bus.EventsStream, durable(b.vendor))
	if err != nil {
		return err
	}
	// On a busy machine Consume sometimes stalls until a heartbeat is missed (nats.go #1622).
	// With the default expiry of 30 s, one stall would decide a whole run.
	consuming, err := consumer.Consume(func(m jetstream.Msg) { b.enqueue(ctx, m) },
		jetstream.PullMaxMessages(2*b.options.Concurrency), jetstream.PullExpiry(time.Second))
	if err != nil {
		return err
	}
	<-ctx.Done()
	consuming.Stop()
	b.queues.close()
	return nil
}

// enqueue decodes a message and queues the event for the user.
func (b *bare) enqueue(ctx context.Context, m jetstream.Msg) {
	var e bareEvent
	if err := json.Unmarshal(m.Data(), &e); err != nil || number(e.ID) < 0 || e.Data.UserID == "" {
		_ = m.Term()
		return
	}
	b.queues.put(ctx, e.Data.UserID, func() {
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

// handle makes the calls and publishes the result of one event.
func (b *bare) handle(ctx context.Context, e *bareEvent) (err error) {
	key, revision := b.vendor+"."+e.ID, uint64(0)
	if b.options.Writes > 0 {
		if revision, err = b.kv.Create(ctx, key, []byte(`{"state":"started"}`)); err != nil {
			return fmt.Errorf("claim %s: %w", key, err)
		}
	}
	_, step := b.load.step(number(e.ID))
	if err := b.replay.step(ctx, step, e.values()); err != nil {
		return err
	}
	if b.options.Writes > 1 {
		if _, err := b.kv.Update(ctx, key, []byte(`{"state":"done"}`), revision); err != nil {
			return fmt.Errorf("record %s: %w", key, err)
		}
	}
	return b.publish(ctx, e)
}

// bareEvent holds the members of an event read by the bare loop.
type bareEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data struct {
		UserID     string `json:"user_id"`
		Properties struct {
			Sent string `json:"sent"`
		} `json:"properties"`
	} `json:"data"`
}

// values returns the values for the placeholders of recorded calls. All other values of an event,
// such as the e-mail, derive from the placeholders.
func (e *bareEvent) values() map[string]string {
	return map[string]string{
		"user": e.Data.UserID[1:], "event": e.ID[1:], "sent": e.Data.Properties.Sent, "hash": fmt.Sprintf("%032x", e.ID),
		"time": e.Time.Format(timeLayout), "date": e.Time.Format(time.DateOnly),
	}
}

// bareResult is the CloudEvent with the outcome of an event.
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

// publish publishes the result and waits for the PubAck.
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
		return fmt.Errorf("publish result %s: %w", r.ID, err)
	}
	return nil
}

// allocated answers with the number of allocations, the only metric read by the bench.
func allocated(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	_, _ = fmt.Fprintf(w, "\ngo_memstats_mallocs_total %d\n", m.Mallocs)
}

// startBare starts a process of the bare loop.
func (s *env) startBare(ctx context.Context, name string) (*worker, error) {
	addr, err := process.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	calls, err := json.Marshal(s.config.calls)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "calls.json")
	if err := os.WriteFile(file, calls, 0o600); err != nil {
		return nil, err
	}
	p, err := process.Start(s.log(name), nil, s.config.Self, "part", "bare", "--nats", s.url, "--vendors", s.vendorAddr,
		"--load", s.plan.Load.Name, "--calls", file, "--concurrency", strconv.Itoa(s.plan.Concurrency), "--writes", strconv.Itoa(s.contestant.Writes), "--addr", addr)
	if err != nil {
		return nil, err
	}
	w := &worker{Process: p, metrics: func(ctx context.Context) (float64, error) { return allocations(ctx, addr) }}
	return w, answers(ctx, "the bare loop", func() error {
		w.before, err = w.metrics(ctx)
		return err
	}, p)
}
