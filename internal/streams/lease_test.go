package streams_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

func openLeases(t *testing.T, e *env, ttl time.Duration) *streams.Leases {
	t.Helper()
	leases, err := streams.OpenLeases(t.Context(), e.client(), ttl)
	check(t, err)
	return leases
}

func acquire(t *testing.T, leases *streams.Leases, holder string) *streams.Lease {
	t.Helper()
	lease, err := leases.Acquire(t.Context(), vendor, holder)
	check(t, err)
	return lease
}

// waitFree waits until the lease is free.
func waitFree(t *testing.T, leases *streams.Leases) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check(t, leases.Wait(ctx, vendor))
}

// waiting starts a Wait, whose end it returns.
func waiting(t *testing.T, leases *streams.Leases) <-chan error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	waited := make(chan error, 1)
	go func() { waited <- leases.Wait(ctx, vendor) }()
	return waited
}

func TestALeaseNeedsWholeSeconds(t *testing.T) {
	e := ensured(t)
	for ttl, want := range map[time.Duration]bool{0: true, time.Second: true, 500 * time.Millisecond: false, 1500 * time.Millisecond: false, -time.Second: false} {
		if _, err := streams.OpenLeases(t.Context(), e.client(), ttl); (err == nil) != want {
			t.Errorf("a TTL of %s: got %v", ttl, err)
		}
	}
}

func TestOnlyOneHolds(t *testing.T) {
	leases := openLeases(t, ensured(t), time.Minute)
	lease := acquire(t, leases, "a")
	if _, err := leases.Acquire(t.Context(), vendor, "b"); !errors.Is(err, streams.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	if _, err := leases.Acquire(t.Context(), "other", "b"); err != nil {
		t.Errorf("the lease of another vendor: %v", err)
	}
	check(t, lease.Renew(t.Context()))
	if !lease.Valid() {
		t.Error("a renewed lease is not valid")
	}
}

func TestOneOfManyAcquires(t *testing.T) { acquireTogether(t, ensured(t)) }

// acquireTogether acquires the lease by several processes at the same time.
func acquireTogether(t *testing.T, e *env) {
	t.Helper()
	leases := openLeases(t, e, time.Hour)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wg.Go(func() {
			_, err := leases.Acquire(t.Context(), vendor, "a")
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, streams.ErrHeld) {
			t.Errorf("got %v, want ErrHeld", err)
		}
	}
	if won != 1 {
		t.Errorf("%d acquired the lease, want 1", won)
	}
}

func TestAnExpiredLeaseIsTakenOver(t *testing.T) {
	e := ensured(t)
	short, long := openLeases(t, e, time.Second), openLeases(t, e, time.Minute)
	frozen := acquire(t, short, "a")
	waitFree(t, long)
	if frozen.Valid() {
		t.Error("the lease expired at the server while it was valid here")
	}
	next := acquire(t, long, "b")
	if err := frozen.Renew(t.Context()); !errors.Is(err, streams.ErrLost) {
		t.Errorf("got %v, want ErrLost", err)
	}
	check(t, frozen.Release(t.Context()))
	check(t, next.Renew(t.Context()))
}

// A renewal keeps the TTL, so that the lease of a process that ends after it expires.
func TestARenewedLeaseExpires(t *testing.T) {
	e := ensured(t)
	leases := openLeases(t, e, 2*time.Second)
	lease := acquire(t, leases, "a")
	if err := lease.Renew(t.Context()); err != nil && lease.Valid() {
		t.Fatal(err)
	}
	waitFree(t, leases)
	acquire(t, leases, "b")
}

func TestAReleasedLeaseIsFreeAtOnce(t *testing.T) {
	leases := openLeases(t, ensured(t), time.Hour)
	lease := acquire(t, leases, "a")
	waited := waiting(t, leases)
	check(t, lease.Renew(t.Context()))
	check(t, lease.Release(t.Context()))
	if lease.Valid() {
		t.Error("a released lease is valid")
	}
	check(t, <-waited)
	next := acquire(t, leases, "b")
	check(t, lease.Release(t.Context()))
	check(t, next.Renew(t.Context()))
}

func TestWaitEndsWithItsContext(t *testing.T) {
	leases := openLeases(t, ensured(t), time.Hour)
	acquire(t, leases, "a")
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() { waited <- leases.Wait(ctx, vendor) }()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// The watcher of a lease is lost with a restart of the server, and by an administrator.
func TestWaitOutlivesItsConsumer(t *testing.T) {
	e := ensured(t)
	leases := openLeases(t, e, time.Minute)
	lease := acquire(t, leases, "a")
	waited := waiting(t, leases)
	until(t, "the lease is watched", func() bool { return len(e.consumers("LEASES")) == 1 })
	old := e.consumers("LEASES")[0]
	e.deleteConsumers("LEASES")
	until(t, "it is watched again", func() bool {
		names := e.consumers("LEASES")
		return len(names) == 1 && names[0] != old
	})
	check(t, lease.Release(t.Context()))
	check(t, <-waited)
	if names := e.consumers("LEASES"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

// Between 0.9 TTL and TTL the server still has the lease, but its holder has stepped down.
func TestAnInvalidLeaseIsNotRenewed(t *testing.T) {
	leases := openLeases(t, ensured(t), time.Minute)
	lease := acquire(t, leases, "a")
	lease.Expire()
	if err := lease.Renew(t.Context()); !errors.Is(err, streams.ErrLost) || lease.Valid() {
		t.Errorf("got %v (valid %v), want ErrLost", err, lease.Valid())
	}
	check(t, lease.Release(t.Context()))
	acquire(t, leases, "b")
}

// A lease without the server's time is of no use, and is given up at once.
func TestAcquireNeedsTheServersTime(t *testing.T) {
	e := ensured(t)
	js := &skewed{JetStream: e.js, err: errUnanswered}
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: js}, time.Hour)
	check(t, err)
	if _, err := leases.Acquire(t.Context(), vendor, "a"); !errors.Is(err, errUnanswered) {
		t.Errorf("got %v, want the error of the read", err)
	}
	acquire(t, openLeases(t, e, time.Hour), "b")
}

func TestAPurgedLeaseIsLost(t *testing.T) {
	e := ensured(t)
	leases := openLeases(t, e, time.Minute)
	lease := acquire(t, leases, "a")
	e.purge("LEASES")
	if err := lease.Renew(t.Context()); !errors.Is(err, streams.ErrLost) || lease.Valid() {
		t.Errorf("got %v (valid %v), want ErrLost", err, lease.Valid())
	}
	waitFree(t, leases)
	next := acquire(t, leases, "b")
	check(t, lease.Release(t.Context()))
	check(t, next.Renew(t.Context()))
}

func TestALeaseSurvivesAKillOfTheServer(t *testing.T) {
	e := ensured(t)
	leases := openLeases(t, e, time.Hour)
	lease := acquire(t, leases, "a")
	e.kill()
	until(t, "the lease is renewed", func() bool { return lease.Renew(t.Context()) == nil })
	if _, err := leases.Acquire(t.Context(), vendor, "b"); !errors.Is(err, streams.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
}

func TestALeaseExpiresThroughAKillOfTheServer(t *testing.T) {
	e := ensured(t)
	leases := openLeases(t, e, 2*time.Second)
	acquire(t, leases, "a")
	e.kill()
	until(t, "the lease is free", func() bool { return leases.Wait(t.Context(), vendor) == nil })
	until(t, "it is acquired", func() bool {
		_, err := leases.Acquire(t.Context(), vendor, "b")
		return err == nil
	})
}
