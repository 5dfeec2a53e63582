package streams_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

func openWakes(t *testing.T, timers *streams.Timers, token uint64) *streams.Wakes {
	t.Helper()
	wakes, err := timers.Wakes(t.Context(), vendor, token)
	check(t, err)
	t.Cleanup(func() { wakes.Close(context.WithoutCancel(t.Context())) })
	return wakes
}

// fetch fetches n wakes.
func fetch(t *testing.T, wakes *streams.Wakes, n int) (list []streams.Wake) {
	t.Helper()
	until(t, fmt.Sprintf("%d wakes came", n), func() bool {
		got, err := wakes.Fetch(t.Context(), n-len(list), 100*time.Millisecond)
		check(t, err)
		list = append(list, got...)
		return len(list) >= n
	})
	return list
}

// wake stores a wake, as a timer does when it fires.
func wake(t *testing.T, e *env, vendor, digest string) {
	t.Helper()
	_, err := e.js.Publish(t.Context(), "usher.wake."+vendor+"."+digest, nil)
	check(t, err)
}

func digests(list []streams.Wake) (names []string) {
	for _, w := range list {
		names = append(names, w.Digest)
	}
	slices.Sort(names)
	return names
}

func TestANewOwnerGetsWhatTheFormerHadInHand(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	wake(t, e, vendor, "a")
	wake(t, e, vendor, "b")
	former := openWakes(t, timers, 1)
	inHand := fetch(t, former, 2)
	owner := openWakes(t, timers, 2)
	again := fetch(t, owner, 2)
	if got := digests(again); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v, want a and b again", got)
	}
	for _, w := range inHand {
		check(t, w.Ack()) // late: void
	}
	check(t, again[0].Ack())
	until(t, "the owner's ack counts", func() bool { return e.info("TIMERS").State.Msgs == 1 })
	if _, err := former.Fetch(t.Context(), 1, patience); err == nil {
		t.Error("the former owner still fetches")
	}
	if _, err := timers.Wakes(t.Context(), vendor, 1); !errors.Is(err, streams.ErrNewerOwner) {
		t.Errorf("got %v, want ErrNewerOwner", err)
	}
}

func TestDeletedWakesAreOpenedAgain(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	wakes := openWakes(t, timers, 7)
	wake(t, e, vendor, "a")
	fetch(t, wakes, 1)
	e.deleteConsumers("TIMERS")
	if _, err := wakes.Fetch(t.Context(), 1, patience); err == nil {
		t.Fatal("got no error from a deleted consumer")
	}
	fetch(t, openWakes(t, timers, 7), 1)
}

// Names of vendors may begin alike.
func TestWakesOfOtherVendorsStay(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	for _, other := range []string{"lms-2", "lm", "lms-two"} {
		w, err := timers.Wakes(t.Context(), other, 9)
		check(t, err)
		t.Cleanup(func() { w.Close(context.WithoutCancel(t.Context())) })
	}
	openWakes(t, timers, 1)
	openWakes(t, timers, 2)
	got := e.consumers("TIMERS")
	slices.Sort(got)
	if want := []string{"wakes-lm-9", "wakes-lms-2", "wakes-lms-2-9", "wakes-lms-two-9"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The wakes of users and of events have consumers of their own, whose names and filters do
// not meet.
func TestEventWakesComeByThemselves(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	users := openWakes(t, timers, 2)
	ofEvents, err := timers.EventWakes(t.Context(), vendor, 2)
	check(t, err)
	t.Cleanup(func() { _ = ofEvents.Close(context.WithoutCancel(t.Context())) })
	check(t, timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: "d.e", Token: 0, Due: time.Now()}))
	check(t, timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: "d", Token: 2, Due: time.Now()}))
	if got := digests(fetch(t, ofEvents, 1)); !slices.Equal(got, []string{"d.e"}) {
		t.Errorf("got %v, want the event's", got)
	}
	if got := digests(fetch(t, users, 1)); !slices.Equal(got, []string{"d"}) {
		t.Errorf("got %v, want the user's", got)
	}
	if _, err := timers.EventWakes(t.Context(), vendor, 1); !errors.Is(err, streams.ErrNewerOwner) {
		t.Errorf("got %v, want ErrNewerOwner", err)
	}
}

func TestTimersOfBadNamesAreRefused(t *testing.T) {
	timers := openTimers(t, ensured(t))
	for _, digest := range []string{"", "d.", ".e", "d.e.f", "d.*", "sentinel"} {
		if err := timers.Arm(t.Context(), streams.Timer{Vendor: vendor, Digest: digest, Due: time.Now()}); err == nil {
			t.Errorf("%q was taken", digest)
		}
	}
}

// A wake that arrives between two calls of Fetch waits in the open request.
func TestWakesBetweenFetchesAreNotLost(t *testing.T) {
	e := ensured(t)
	wakes := openWakes(t, openTimers(t, e), 1)
	for i := range 20 {
		if got, err := wakes.Fetch(t.Context(), 50, time.Millisecond); err != nil || len(got) > 0 {
			t.Fatalf("got %v, %v", got, err)
		}
		wake(t, e, vendor, fmt.Sprint(i))
		if got := digests(fetch(t, wakes, 1)); got[0] != fmt.Sprint(i) {
			t.Fatalf("got %v, want %d", got, i)
		}
	}
}

// A wake that was lost on the way would come again after a long time, as a redelivery.
func TestNoWakeIsRedeliveredWithoutNeed(t *testing.T) {
	const n = 500
	e := ensured(t)
	wakes := openWakes(t, openTimers(t, e), 1)
	published := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := e.js.Publish(t.Context(), fmt.Sprintf("usher.wake.%s.%d", vendor, i), nil); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	taken := map[string]int{}
	until(t, "all wakes came", func() bool {
		list, err := wakes.Fetch(t.Context(), 10, 100*time.Microsecond)
		check(t, err)
		for _, w := range list {
			taken[w.Digest]++
		}
		return len(taken) == n
	})
	check(t, <-published)
	c, err := e.stream("TIMERS").Consumer(t.Context(), "wakes-lms-1")
	check(t, err)
	if got := c.CachedInfo().Delivered.Consumer; got != n {
		t.Errorf("%d deliveries of %d wakes", got, n)
	}
}

func TestFetchHasALimit(t *testing.T) {
	e := ensured(t)
	wakes := openWakes(t, openTimers(t, e), 1)
	for i := range 30 {
		wake(t, e, vendor, fmt.Sprint(i))
	}
	for range 3 {
		if got, err := wakes.Fetch(t.Context(), 5, patience); err != nil || len(got) > 5 || len(got) == 0 {
			t.Errorf("got %d wakes (%v), want 1 to 5", len(got), err)
		}
	}
	info, err := e.stream("TIMERS").Consumer(t.Context(), "wakes-lms-1")
	check(t, err)
	if got := info.CachedInfo().NumAckPending; got > 15 {
		t.Errorf("%d are in hand, want at most 15", got)
	}
}

func TestASentinelIsNoWake(t *testing.T) {
	e := ensured(t)
	wakes := openWakes(t, openTimers(t, e), 1)
	wake(t, e, vendor, "sentinel")
	wake(t, e, vendor, "a")
	if got := digests(fetch(t, wakes, 1)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v, want a alone", got)
	}
	until(t, "the sentinel is removed", func() bool { return e.info("TIMERS").State.Msgs == 1 })
}

func TestClosedWakesComeToTheNext(t *testing.T) {
	e := ensured(t)
	timers := openTimers(t, e)
	wakes := openWakes(t, timers, 1)
	wake(t, e, vendor, "a")
	fetch(t, wakes, 1)
	check(t, wakes.Close(t.Context()))
	if names := e.consumers("TIMERS"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	fetch(t, openWakes(t, timers, 2), 1)
}

// A former owner that opens its consumer again while the owner opens its own stands in the
// way only once.
func TestWakesOpenBesideAFormerOwner(t *testing.T) {
	e := ensured(t)
	js := &intruder{JetStream: e.js, name: "wakes-lms-1"}
	timers, err := streams.OpenTimers(t.Context(), streams.Client{JetStream: js})
	check(t, err)
	openWakes(t, timers, 2)
	if got := e.consumers("TIMERS"); !slices.Equal(got, []string{"wakes-lms-2"}) {
		t.Errorf("got %v, want the owner's alone", got)
	}
}

// intruder creates another consumer right before the first consumer of a stream.
type intruder struct {
	jetstream.JetStream
	name string
}

func (i *intruder) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s, err := i.JetStream.Stream(ctx, name)
	return &intruderStream{Stream: s, name: i.name}, err
}

type intruderStream struct {
	jetstream.Stream
	name string
}

func (i *intruderStream) CreateOrUpdateConsumer(ctx context.Context, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if i.name != "" {
		other := c
		other.Durable, i.name = i.name, ""
		if _, err := i.Stream.CreateOrUpdateConsumer(ctx, other); err != nil {
			return nil, err
		}
	}
	return i.Stream.CreateOrUpdateConsumer(ctx, c)
}
