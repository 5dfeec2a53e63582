package core_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/vendors"
)

func fine(vendors.Activity, int) error { return nil }

// An activity that succeeds at once costs one write and one result, and no timer. The
// activities of a user begin in the order of the stream.
func TestActivityWithImmediateSuccess(t *testing.T) {
	const n, users = 300, 7
	w := newWorld(t, fine)
	want := map[string][]string{}
	for i := range n {
		w.publish(i % users)
	}
	w.start()
	w.awaitResults()
	w.judge(events.Done)
	if state := w.stream("KV_" + bus.EffectsKV); state.LastSeq != n || state.Msgs != n {
		t.Errorf("%d writes of %d records, want %d of each", state.LastSeq, state.Msgs, n)
	}
	if state := w.stream(bus.ResultsStream); state.LastSeq != n {
		t.Errorf("%d results, want %d", state.LastSeq, n)
	}
	if state := w.stream("TIMERS"); state.LastSeq != 1 {
		t.Errorf("%d messages in the stream of timers, want the sentinel alone", state.LastSeq)
	}
	for i, key := range w.keys {
		user := "u" + string(rune('0'+i%users))
		want[user] = append(want[user], key)
	}
	if diff := cmp.Diff(want, w.usersOf()); diff != "" {
		t.Errorf("calls by user (-want +got)\n%s", diff)
	}
}

// Nothing waits in the consumer: what has to wait is in the bucket, with a timer. The owner
// carries it out.
func TestWaitingActivity(t *testing.T) {
	for name, first := range map[string]error{
		"the vendor fails":             &vendors.Error{Vendor: vendorName, Status: 503},
		"the vendor asks for patience": &vendors.Error{Vendor: vendorName, Status: 503, After: time.Second},
		"nothing is known":             &vendors.Error{Vendor: vendorName, Unknown: true, Err: errors.New("no answer")},
	} {
		t.Run(name, func(t *testing.T) {
			var repaired atomic.Bool
			w := newWorld(t, func(vendors.Activity, int) error {
				if !repaired.Load() {
					return first
				}
				return nil
			})
			w.config.Mailbox.RetryMin, w.config.Mailbox.RetryMax = time.Second, 2*time.Second
			for i := range 20 {
				w.publish(i)
			}
			w.start()
			natstest.Until(t, "all wait outside of the consumer", func() bool { return len(w.pending()) == 20 && w.isDrained() })
			repaired.Store(true)
			w.awaitResults()
			w.judge(events.Done)
		})
	}
}

func TestFailedActivity(t *testing.T) {
	w := newWorld(t, func(vendors.Activity, int) error {
		return &vendors.Error{Vendor: vendorName, Status: 422, Class: vendors.Permanent}
	})
	w.publish(1)
	w.start()
	w.awaitResults()
	w.judge(events.Failed)
	if state := w.stream(bus.DeadStream); state.Msgs != 1 {
		t.Errorf("%d dead letters, want 1", state.Msgs)
	}
}

// While the vendor refuses our credentials nothing is taken from the consumer.
func TestActivityOfAVendorOnHold(t *testing.T) {
	var good atomic.Bool
	w := newWorld(t, func(vendors.Activity, int) error {
		if !good.Load() {
			return &vendors.Error{Vendor: vendorName, Status: 401, Class: vendors.Unusable}
		}
		return nil
	})
	w.config.HoldRetry = 2 * time.Second
	w.publish(1)
	w.start()
	natstest.Until(t, "the first waits", func() bool { return len(w.pending()) == 1 && w.isDrained() })
	for i := range 10 {
		w.publish(i)
	}
	good.Store(true)
	w.awaitResults()
	w.judge(events.Done)
}

// A first attempt whose outcome NATS does not store is counted, and is failing until one is stored.
func TestActivityThatNATSFails(t *testing.T) {
	w := newWorld(t, fine)
	limit := func(size int32) {
		effects, err := w.js.Stream(t.Context(), "KV_"+bus.EffectsKV)
		w.check(err)
		config := effects.CachedInfo().Config
		config.MaxMsgSize = size
		_, err = w.js.UpdateStream(t.Context(), config)
		w.check(err)
	}
	limit(1)
	w.publish(1)
	p := w.start()
	natstest.Until(t, "the failure is counted", func() bool {
		total, failing := p.core.Failures()
		return total > 0 && failing
	})
	limit(-1)
	w.awaitResults()
	natstest.Until(t, "no step fails", func() bool {
		_, failing := p.core.Failures()
		return !failing
	})
	w.judge(events.Done)
}

// An activity waits for a paused vendor for longer than the bucket keeps a record that is not
// stored again.
func TestActivityOutlivesItsTimeToLive(t *testing.T) {
	const ttl = 16 * time.Second
	var good atomic.Bool
	w := newWorld(t, func(vendors.Activity, int) error {
		if !good.Load() {
			return &vendors.Error{Vendor: vendorName, Status: 503}
		}
		return nil
	})
	w.pauses = make(chan map[string]bus.Pause, 2)
	w.pauses <- nil
	effects, err := w.js.Stream(t.Context(), "KV_"+bus.EffectsKV)
	w.check(err)
	config := effects.CachedInfo().Config
	config.MaxAge, config.Duplicates = ttl, ttl
	_, err = w.js.UpdateStream(t.Context(), config)
	w.check(err)
	for i := range 3 {
		w.publish(i)
	}
	w.start()
	natstest.Until(t, "all wait", func() bool { return len(w.pending()) == 3 })
	w.pauses <- map[string]bus.Pause{vendorName: {Since: time.Now()}}
	began := time.Now()
	natstest.Until(t, "their time to live is over", func() bool {
		if n := len(w.pending()); n != 3 {
			t.Fatalf("%d wait after %s, want 3", n, time.Since(began))
		}
		return time.Since(began) > ttl+ttl/2
	})
	good.Store(true)
	w.pauses <- nil
	w.awaitResults()
	w.judge(events.Done)
}

// A sweep finds the pending activity: the stream of timers may be lost.
func TestActivityIsSwept(t *testing.T) {
	var repaired atomic.Bool
	w := newWorld(t, func(vendors.Activity, int) error {
		if !repaired.Load() {
			return &vendors.Error{Vendor: vendorName, Status: 503, After: 2 * time.Second}
		}
		return nil
	})
	w.publish(1)
	p := w.start()
	natstest.Until(t, "the activity waits", func() bool { return len(w.pending()) == 1 && w.isDrained() })
	p.stop()
	repaired.Store(true)
	timers, err := w.js.Stream(t.Context(), "TIMERS")
	w.check(err)
	w.check(timers.Purge(t.Context()))
	w.start()
	w.awaitResults()
	w.judge(events.Done)
}

// A consumer that was deleted by hand while it is used goes on where it was.
func TestActivityAfterTheConsumerWasDeleted(t *testing.T) {
	w := newWorld(t, fine)
	for i := range 50 {
		w.publish(i)
	}
	w.start()
	w.awaitResults()
	natstest.Until(t, "the acks came", w.isDrained)
	w.check(w.js.DeleteConsumer(t.Context(), bus.EventsStream, "usher-acme-activity"))
	w.publish(1)
	natstest.Until(t, "the event after the deletion has its result", func() bool { return len(w.results()) == 51 })
	w.judge(events.Done)
}

// Processes are killed at any time, and the vendor fails in every way: each activity gets one
// result all the same, and was tried.
func TestActivityUnderFaults(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		t.Run("", func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			dice := make([]float64, 4096)
			for i := range dice {
				dice[i] = random.Float64()
			}
			var at atomic.Uint64
			roll := func() float64 { return dice[at.Add(1)%uint64(len(dice))] }
			w := newWorld(t, func(_ vendors.Activity, n int) error { return fault(roll(), n) })
			w.config.Shutdown = 300 * time.Millisecond // a killed process has nobody to write to
			for range 400 {
				w.publish(random.IntN(40))
			}
			running := []*process{w.start(), w.start()}
			for range 6 {
				time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond) // until the kill
				i := random.IntN(2)
				running[i].kill()
				running[i] = w.start()
			}
			w.awaitResults()
			w.judge("")
		})
	}
}

// fault returns the error of the call number n for an activity: a fault in one of four calls.
func fault(roll float64, n int) error {
	switch {
	case n > 5 || roll > 0.25:
		return nil
	case roll > 0.20:
		return &vendors.Error{Vendor: vendorName, Status: 429}
	case roll > 0.15:
		return &vendors.Error{Vendor: vendorName, Status: 502, Unknown: true}
	case roll > 0.10:
		return &vendors.Error{Vendor: vendorName, Status: 422, Class: vendors.Permanent}
	case roll > 0.05:
		panic("a fault of the handler")
	}
	time.Sleep(10 * time.Millisecond) // of the vendor
	return &vendors.Error{Vendor: vendorName, Status: 503}
}
