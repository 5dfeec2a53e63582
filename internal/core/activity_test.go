package core_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

func fine(vendors.Activity, int) error { return nil }

// An activity that succeeds at once costs one result: no record, and no timer. The activities of a
// user begin in the order of the stream.
func TestActivityWithImmediateSuccess(t *testing.T) {
	const n, users = 300, 7
	w := newWorld(t, fine)
	for i := range n {
		w.publish(i % users)
	}
	w.start()
	w.awaitResults()
	w.judge(events.Done)
	if state := w.stream("KV_" + streams.EffectsBucket); state.LastSeq != 0 {
		t.Errorf("%d writes of records, want none", state.LastSeq)
	}
	if state := w.stream(streams.ResultsStream); state.LastSeq != n {
		t.Errorf("%d results, want %d", state.LastSeq, n)
	}
	if state := w.stream("TIMERS"); state.LastSeq != 1 {
		t.Errorf("%d messages in the stream of timers, want the sentinel alone", state.LastSeq)
	}
	if diff := cmp.Diff(w.ordered(), w.usersOf()); diff != "" {
		t.Errorf("calls by user (-want +got)\n%s", diff)
	}
}

// A repeat ends without a call and without a result: soon, after a restart, and of a failed activity.
func TestRepeatedActivity(t *testing.T) {
	for name, ordered := range map[string]bool{"in order": true, "in any order": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(a vendors.Activity, _ int) error {
				if a.UserID == "u3" {
					return &vendors.Error{Vendor: vendorName, Status: 422, Class: vendors.Permanent}
				}
				return nil
			})
			w.config.Activity.Ordered = ordered
			for i := range 8 {
				w.publish(i)
			}
			p := w.start()
			w.awaitResults()
			natstest.Until(t, "the consumer is empty", w.isDrained)
			for i := range 8 {
				w.repeat(i)
			}
			natstest.Until(t, "the repeats are taken", func() bool { return w.consumer().Delivered.Stream >= 16 && w.isDrained() })
			p.stop()
			for i := range 8 {
				w.repeat(i)
			}
			w.start()
			natstest.Until(t, "the repeats are taken", func() bool { return w.consumer().Delivered.Stream >= 24 && w.isDrained() })
			w.judge("")
			for key, n := range w.vendor.counts() {
				if n != 1 {
					t.Errorf("%d calls for %s, want 1", n, key)
				}
			}
		})
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
	if state := w.stream(streams.DeadLettersStream); state.Msgs != 1 {
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

// An outcome whose result NATS does not store is counted, and is failing until one is stored. The
// vendor is called once.
func TestActivityThatNATSFails(t *testing.T) {
	w := newWorld(t, fine)
	limit := func(size int32) {
		results, err := w.js.Stream(t.Context(), streams.ResultsStream)
		w.check(err)
		config := results.CachedInfo().Config
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
	if n := w.vendor.counts()[w.keys[0]]; n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// The records that a former version has written keep their activities from being done again, and
// let them go on.
func TestActivityWithFormerRecords(t *testing.T) {
	w := newWorld(t, fine)
	for i := range 2 {
		w.publish(i)
	}
	bucket, err := streams.OpenRecords(t.Context(), w.streams.Client, streams.EffectsBucket)
	w.check(err)
	now := time.Now()
	for i, key := range w.keys {
		e := record.Effect{
			Key: record.KeyOf(key), Position: events.Position{Epoch: w.streamOf(streams.EventsStream).Created.UnixNano(), Seq: uint64(i + 1)},
			Type: events.ActivityTracked, Scope: events.ScopeActivity, Registered: now, Begun: now, Due: now, Attempts: 1, Tried: true,
		}
		r := record.Record{Pending: []record.Effect{e}}
		if i == 0 {
			r = record.Record{Finished: []record.Finished{{Effect: e, Outcome: record.Outcome{Kind: events.Done, At: now}, By: "a"}}}
		}
		encoded, err := r.Encode()
		w.check(err)
		_, err = bucket.Store(t.Context(), record.ActivityKey(vendorName, w.users[i], key), encoded, 0)
		w.check(err)
	}
	w.start()
	w.awaitResults()
	natstest.Until(t, "the consumer is empty", w.isDrained)
	if counts := w.vendor.counts(); counts[w.keys[0]] != 0 || counts[w.keys[1]] != 1 {
		t.Errorf("got the calls %v, want none for the finished and one for the pending activity", counts)
	}
	for _, key := range w.keys {
		if list := w.results()[key]; len(list) != 1 {
			t.Errorf("got the results %v, want one", list)
		}
	}
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
	w.pauses = make(chan map[string]streams.Pause, 2)
	w.pauses <- nil
	effects, err := w.js.Stream(t.Context(), "KV_"+streams.EffectsBucket)
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
	w.pauses <- map[string]streams.Pause{vendorName: {Since: time.Now()}}
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
	w.check(w.js.DeleteConsumer(t.Context(), streams.EventsStream, "usher-acme-activity"))
	w.publish(1)
	natstest.Until(t, "the event after the deletion has its result", func() bool { return len(w.results()) == 51 })
	w.judge(events.Done)
}

// Processes are killed at any time, and the vendor fails in every way: each activity gets one
// result all the same, and was tried.
func TestActivityUnderFaults(t *testing.T) {
	for seed, ordered := range []bool{false, true, true} {
		t.Run(fmt.Sprintf("%d, in order: %t", seed, ordered), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 0))
			dice := make([]float64, 4096)
			for i := range dice {
				dice[i] = random.Float64()
			}
			var at atomic.Uint64
			roll := func() float64 { return dice[at.Add(1)%uint64(len(dice))] }
			w := newWorld(t, func(_ vendors.Activity, n int) error { return fault(roll(), n) })
			w.config.Activity.Ordered = ordered
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
			if diff := cmp.Diff(w.ordered(), w.usersOf()); ordered && diff != "" {
				t.Errorf("first calls by user (-want +got)\n%s", diff)
			}
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
