package core_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/core"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/vendors"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendorName is the vendor of all tests.
const vendorName = "acme"

// tracker is a vendor that records activity.
type tracker struct {
	// answer returns the error of a call; n counts the calls for the activity, from 1.
	answer func(a vendors.Activity, n int) error

	mu    sync.Mutex
	calls []vendors.Activity // in the order of their beginnings
	times map[string]int     // calls by event key
}

func (v *tracker) Check(context.Context) error { return nil }

func (v *tracker) Track(ctx context.Context, a vendors.Activity) error {
	v.mu.Lock()
	v.calls = append(v.calls, a)
	v.times[a.Origin.Key]++
	n := v.times[a.Origin.Key]
	v.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return v.answer(a, n)
}

// counts returns the number of calls by event key.
func (v *tracker) counts() map[string]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	counts := map[string]int{}
	for key, n := range v.times {
		counts[key] = n
	}
	return counts
}

// world is a NATS server with the streams, and a vendor.
type world struct {
	*testing.T
	server  *natsconn.Embedded
	streams *streams.Set
	js      jetstream.JetStream
	vendor  *tracker
	config  core.Config
	deps    func(*core.Deps) // changes the Deps of a process; may be nil
	keys    []string         // of the events that were published, without repeats
	users   []string         // of keys
	// pauses has the pauses in force, and one more value after each change; nil: none ever.
	pauses chan map[string]streams.Pause
}

func newWorld(t *testing.T, answer func(vendors.Activity, int) error) *world {
	t.Helper()
	t.Parallel()
	server := natstest.Start(t, natsconn.EmbeddedOptions{})
	b := natstest.Ensure(t, natstest.Connect(t, server), natstest.Layout())
	w := &world{T: t, server: server, streams: b, js: b.Client.JetStream, vendor: &tracker{answer: answer, times: map[string]int{}}}
	w.check(admin.EnsureWorker(t.Context(), w.js, admin.Workers{}))
	w.config = core.Config{
		Vendor: vendorName, Stream: streams.EventsStream, Replays: streams.ReplaysStream, Subjects: []string{events.UserCreated}, Bucket: streams.AccountsBucket, Effects: streams.EffectsBucket, Segments: streams.ActivityBucket,
		Activity: core.Activity{
			Subjects: []string{events.ActivityTracked}, Prefetch: 32, AckWait: 2 * time.Second, MaxAckPending: 1000, Ordered: true, Memory: time.Hour,
		},
		Slots: 4, LeaseTTL: time.Second, Shutdown: 2 * time.Second, HoldRetry: 100 * time.Millisecond,
		Mailbox: mailbox.Config{
			Source: "/usher", CallTimeout: 500 * time.Millisecond, CallLease: 500 * time.Millisecond, MaxAge: time.Hour,
			PrerequisiteWait: time.Hour, FirstLook: time.Second, RetryMin: 50 * time.Millisecond, RetryMax: 500 * time.Millisecond,
			HoldRetry: 100 * time.Millisecond, Remember: time.Hour, RecordBytes: 256 << 10, WaitingBytes: 1 << 20,
		},
	}
	return w
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// publish publishes an activity of a user.
func (w *world) publish(user int) {
	w.Helper()
	id := fmt.Sprint("e", len(w.keys))
	e, err := events.New(events.ActivityTracked, "/school", id, time.Time{}, map[string]any{"user_id": fmt.Sprint("u", user), "name": "lesson.done"})
	w.check(err)
	_, err = w.streams.Events.Send(w.Context(), e)
	w.check(err)
	w.keys = append(w.keys, events.Key("/school", id))
	w.users = append(w.users, fmt.Sprint("u", user))
}

// repeat publishes the last activity of a user again, as a producer without Nats-Msg-Id does.
func (w *world) repeat(i int) {
	w.Helper()
	e, err := events.New(events.ActivityTracked, "/school", fmt.Sprint("e", i), time.Time{}, map[string]any{"user_id": w.users[i], "name": "lesson.done"})
	w.check(err)
	header, payload, err := events.ToNATS(e)
	w.check(err)
	delete(header, events.HeaderMsgID)
	_, err = w.js.PublishMsg(w.Context(), &nats.Msg{Subject: events.ActivityTracked, Header: header, Data: payload})
	w.check(err)
}

// process is a Core with a connection of its own.
type process struct {
	core *core.Core
	nc   *nats.Conn
	end  context.CancelFunc
	done chan struct{}
}

// start starts a process.
func (w *world) start() *process {
	w.Helper()
	nc, err := natsconn.Connect(w.Context(), natsconn.Options{Server: w.server})
	w.check(err)
	set := streams.NewSet(natstest.Client(w, nc), streams.EventsStream)
	p := &process{nc: nc, done: make(chan struct{})}
	deps := core.Deps{
		JetStream: set.Client.JetStream, Port: w.vendor, Limiter: core.NewLimiter(0), Results: set.Results, DeadLetters: set.DeadLetters,
		Decoder: mailbox.NewDecoder(nil, func(events.Event) error { return nil }), Handlers: []handlers.Handler{handlers.ActivityTracked()},
		Check: func(context.Context) (vendors.Adapter, error) { return nil, nil }, Log: zerolog.Nop(),
	}
	if w.pauses != nil {
		deps.WatchPauses = w.watchPauses
	}
	if w.deps != nil {
		w.deps(&deps)
	}
	p.core, err = core.Open(w.Context(), w.config, deps)
	w.check(err)
	ctx, cancel := context.WithCancel(w.Context())
	p.end = cancel
	go func() {
		defer close(p.done)
		p.core.Run(ctx)
	}()
	w.Cleanup(p.stop)
	return p
}

// watchPauses passes the pauses on until ctx ends.
func (w *world) watchPauses(ctx context.Context, see func(map[string]streams.Pause)) {
	for {
		select {
		case <-ctx.Done():
			return
		case all := <-w.pauses:
			see(all)
		}
	}
}

// stop ends a process in good order.
func (p *process) stop() {
	p.end()
	<-p.done
	p.nc.Close()
}

// kill ends a process: nothing reaches NATS any more.
func (p *process) kill() {
	p.nc.Close()
	p.stop()
}

// results returns the outcomes of the results by event key.
func (w *world) results() map[string][]string {
	w.Helper()
	all := map[string][]string{}
	for r, err := range w.streams.Results.List(w.Context(), streams.ResultsQuery{}) {
		w.check(err)
		key := events.Key("/school", events.Extension(r.Event, "causationid"))
		all[key] = append(all[key], r.Data.Outcome)
	}
	return all
}

// consumer returns the state of the consumer of activity.
func (w *world) consumer() *jetstream.ConsumerInfo {
	w.Helper()
	c, err := w.js.Consumer(w.Context(), streams.EventsStream, "usher-acme-activity")
	w.check(err)
	return c.CachedInfo()
}

// isDrained reports whether nothing is or waits in the consumer of activity.
func (w *world) isDrained() bool {
	info := w.consumer()
	return info.NumPending == 0 && info.NumAckPending == 0
}

// records returns the records of activity.
func (w *world) records() []*record.Record {
	w.Helper()
	byKey := map[string]*record.Record{} // a record may be listed twice, the later revision last
	r, err := streams.OpenRecords(w.Context(), streams.Client{JetStream: w.js}, streams.EffectsBucket)
	w.check(err)
	for one, err := range r.List(w.Context(), vendorName) {
		w.check(err)
		if strings.Count(one.Key, ".") != 2 {
			w.Errorf("record %s: want a key of three parts", one.Key)
		}
		decoded, err := record.Decode(one.Value)
		w.check(err)
		byKey[one.Key] = decoded
	}
	return slices.Collect(maps.Values(byKey))
}

// pending returns the pending effects of activity.
func (w *world) pending() (list []record.Effect) {
	w.Helper()
	for _, r := range w.records() {
		list = append(list, r.Pending...)
	}
	return list
}

// stream returns the state of a stream.
func (w *world) stream(name string) jetstream.StreamState { return w.streamOf(name).State }

func (w *world) streamOf(name string) *jetstream.StreamInfo {
	w.Helper()
	s, err := w.js.Stream(w.Context(), name)
	w.check(err)
	return s.CachedInfo()
}

// awaitResults waits until each event that was published has a result.
func (w *world) awaitResults() {
	w.Helper()
	natstest.Until(w, "all results are there", func() bool { return len(w.results()) >= len(w.keys) })
}

// judge checks that each event was tried, has one result, and left nothing behind.
func (w *world) judge(outcome string) {
	w.Helper()
	natstest.Until(w, "the consumer is empty", w.isDrained)
	natstest.Until(w, "no timer is left but the sentinel", func() bool { return w.stream("TIMERS").Msgs <= 1 })
	if list := w.pending(); len(list) > 0 {
		w.Errorf("still pending: %+v", list)
	}
	results, calls := w.results(), w.vendor.counts()
	if len(results) != len(w.keys) {
		w.Errorf("%d events have a result, want %d", len(results), len(w.keys))
	}
	for _, key := range w.keys {
		list := results[key]
		if calls[key] == 0 || len(list) != 1 {
			w.Errorf("event %s: %d calls and %d results, want one result", key, calls[key], len(list))
			continue
		}
		if outcome != "" && list[0] != outcome {
			w.Errorf("event %s: outcome %q, want %q", key, list[0], outcome)
		}
	}
}

// ordered returns the keys of the events by user, in the order of the stream.
func (w *world) ordered() map[string][]string {
	all := map[string][]string{}
	for i, key := range w.keys {
		all[w.users[i]] = append(all[w.users[i]], key)
	}
	return all
}

// usersOf returns the keys of the calls by user, in the order of their beginnings.
func (w *world) usersOf() map[string][]string {
	w.vendor.mu.Lock()
	defer w.vendor.mu.Unlock()
	all := map[string][]string{}
	for _, a := range w.vendor.calls {
		if !slices.Contains(all[a.UserID], a.Origin.Key) {
			all[a.UserID] = append(all[a.UserID], a.Origin.Key)
		}
	}
	return all
}
