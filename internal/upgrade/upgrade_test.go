package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/upgrade"
)

func TestRun(t *testing.T) {
	e := former(t)
	e.run()
	e.wantMoved()
	if _, paused := e.pause("lms"); paused {
		t.Error("a vendor is paused that was not")
	}
}

// TestRunAgain checks that a second Run reverts no later change.
func TestRunAgain(t *testing.T) {
	e := former(t)
	e.run()
	o, err := streams.OpenOwnership(t.Context(), streams.Client{JetStream: e.js}, "lms")
	check(t, err)
	check(t, o.Commit(t.Context(), events.Position{Epoch: e.stream(bus.EventsStream).CachedInfo().Created.UnixNano(), Seq: 5}))
	counting := &failing{JetStream: e.js, at: -1}
	check(t, upgrade.Run(t.Context(), counting, config))
	if counting.calls > 0 {
		t.Errorf("%d changes without any state to migrate", counting.calls)
	}
	e.wantPosition("lms", 5)
}

// TestRunOnAnEmptyServer checks that Run creates nothing on a server without streams.
func TestRunOnAnEmptyServer(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{})))
	check(t, err)
	check(t, upgrade.Run(t.Context(), js, config))
	account, err := js.AccountInfo(t.Context())
	if err != nil || account.Streams > 0 {
		t.Errorf("%d streams were created (%v)", account.Streams, err)
	}
}

// changes is an upper bound for the number of changes by Run.
const changes = 24

// TestInterruptions interrupts Run at each change, before and after the server applies the change.
func TestInterruptions(t *testing.T) {
	for n := range changes {
		for _, after := range []bool{false, true} {
			t.Run(name(n, after), func(t *testing.T) {
				e := former(t)
				e.pauseConsumers("lms", time.Now().Add(time.Hour))
				js := &failing{JetStream: e.js, at: n, after: after}
				if err := upgrade.Run(t.Context(), js, config); (err == nil) == (js.calls > n) || js.calls >= changes {
					t.Errorf("got %v from a failure at change %d of %d", err, n, js.calls)
				}
				e.run()
				e.wantMoved()
				if _, paused := e.pause("lms"); !paused {
					t.Error("the pause was lost")
				}
			})
		}
	}
}

// TestProcessesAtOnce calls Run in several processes.
func TestProcessesAtOnce(t *testing.T) {
	e := former(t)
	for range 100 {
		e.publish("usher.replay.crm.user.updated", time.Now().String(), map[string][]string{"Usher-Key": {"crm"}})
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			natstest.Until(t, "a process has moved everything", func() bool { return upgrade.Run(t.Context(), e.js, config) == nil })
		})
	}
	all.Wait()
	if n := e.stream(bus.ReplaysStream).CachedInfo().State.Msgs; n != 103 {
		t.Errorf("got %d replays, want 103", n)
	}
	e.wantPosition("lms", 3)
}

// TestReplaysDuringRun checks that a replay sent during Run is either rejected or migrated.
func TestReplaysDuringRun(t *testing.T) {
	e := former(t)
	taken, stop := uint64(0), make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := e.js.Publish(t.Context(), "usher.replay.crm.user.created", nil, jetstream.WithRetryAttempts(0)); err == nil {
				taken++
			}
		}
	})
	natstest.Until(t, "replays are sent", func() bool { return e.stream("REPLAYS").CachedInfo().State.Msgs > 20 })
	e.run()
	close(stop)
	sending.Wait()
	if n := e.stream(bus.ReplaysStream).CachedInfo().State.Msgs; n != 3+taken {
		t.Errorf("got %d replays, want %d", n, 3+taken)
	}
}

// TestRunBesideAFormerVersion checks that Run changes nothing while a former version serves.
func TestRunBesideAFormerVersion(t *testing.T) {
	for name, serve := range map[string]func(*env){
		"events":              func(e *env) { e.pull(bus.EventsStream, "usher-crm-lifecycle", jetstream.FetchPriorityGroup("owner")) },
		"between two fetches": func(e *env) { e.pin("crm") },
		"replays":             func(e *env) { e.pull("REPLAYS", "usher-crm-replay") },
		"on hold":             func(e *env) { e.hold("crm", time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			e := former(t)
			serve(e)
			js := &failing{JetStream: e.js, at: -1}
			if err := upgrade.Run(t.Context(), js, config); !errors.Is(err, upgrade.ErrServed) || js.calls > 0 {
				t.Errorf("got %v and %d changes, want ErrServed and none", err, js.calls)
			}
		})
	}
}

// pin fetches an event and leaves the consumer pinned.
func (e *env) pin(vendor string) {
	e.t.Helper()
	c, err := e.js.Consumer(e.t.Context(), bus.EventsStream, "usher-"+vendor+"-lifecycle")
	check(e.t, err)
	changed := c.CachedInfo().Config
	changed.PinnedTTL = time.Hour
	_, err = e.js.UpdateConsumer(e.t.Context(), bus.EventsStream, changed)
	check(e.t, err)
	batch, err := c.Fetch(1, jetstream.FetchPriorityGroup("owner"), jetstream.FetchMaxWait(natstest.Patience))
	check(e.t, err)
	for range batch.Messages() {
	}
}

// pull fetches messages until the test ends.
func (e *env) pull(stream, consumer string, opts ...jetstream.FetchOpt) {
	e.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c, err := e.js.Consumer(e.t.Context(), stream, consumer)
	check(e.t, err)
	batch, err := c.Fetch(10, append(opts, jetstream.FetchContext(ctx))...)
	check(e.t, err)
	e.t.Cleanup(func() {
		stop()
		for range batch.Messages() {
		}
	})
	natstest.Until(e.t, "the pull arrived", func() bool {
		i, err := c.Info(e.t.Context())
		return err == nil && (i.NumWaiting > 0 || len(i.PriorityGroups) > 0 && i.PriorityGroups[0].PinnedClientID != "")
	})
}

// TestAnOldHold checks that an old hold does not prevent the start.
func TestAnOldHold(t *testing.T) {
	e := former(t)
	e.hold("crm", time.Now().Add(-2*config.HoldFresh))
	e.run()
	e.wantMoved()
}

func (e *env) hold(vendor string, at time.Time) {
	e.t.Helper()
	kv, err := e.js.KeyValue(e.t.Context(), bus.ControlKV)
	check(e.t, err)
	value, err := json.Marshal(bus.Hold{Since: at, At: at, Why: "refused"})
	check(e.t, err)
	_, err = kv.Put(e.t.Context(), "hold."+vendor, value)
	check(e.t, err)
}

func (e *env) pauseConsumers(vendor string, until time.Time) {
	e.t.Helper()
	for stream, kinds := range map[string][]string{bus.EventsStream: {"lifecycle", "activity"}, "REPLAYS": {"replay"}} {
		for _, kind := range kinds {
			_, err := e.js.PauseConsumer(e.t.Context(), stream, "usher-"+vendor+"-"+kind, until)
			check(e.t, err)
		}
	}
}

// TestPauses checks that a pause of the consumers becomes a pause of the vendor with the same end,
// and that the consumer of activity is resumed.
func TestPauses(t *testing.T) {
	hour := time.Now().Add(time.Hour).UTC()
	for name, c := range map[string]struct{ until, want time.Time }{
		"with an end":    {hour, hour},
		"without an end": {time.Now().Add(100 * 365 * 24 * time.Hour), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			e := former(t)
			e.pauseConsumers("lms", c.until)
			e.run()
			p, paused := e.pause("lms")
			if !paused || !p.Until.Equal(c.want) || time.Since(p.Since) > time.Hour {
				t.Errorf("got %+v (%v), want a pause until %v", p, paused, c.want)
			}
			if _, paused := e.pause("crm"); paused {
				t.Error("another vendor is paused")
			}
			a, err := e.js.Consumer(t.Context(), bus.EventsStream, "usher-lms-activity")
			check(t, err)
			if a.CachedInfo().Paused {
				t.Error("the consumer of activity is paused")
			}
		})
	}
}
