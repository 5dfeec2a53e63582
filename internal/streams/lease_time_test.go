package streams_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// A renewal that was stored without an answer shows the lease's own value.
func TestARenewalWithoutAnAnswerIsOnesOwn(t *testing.T) {
	e := ensured(t)
	lost := &unanswered{JetStream: e.js}
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: lost}, time.Minute)
	check(t, err)
	lease := acquire(t, leases, "a")
	lost.next = true
	if err := lease.Renew(t.Context()); !errors.Is(err, errUnanswered) || !lease.Valid() {
		t.Fatalf("got %v (valid %v), want the error, and the lease valid still", err, lease.Valid())
	}
	check(t, lease.Renew(t.Context()))
	lost.next = true
	if err := lease.Renew(t.Context()); !errors.Is(err, errUnanswered) {
		t.Fatal(err)
	}
	check(t, lease.Release(t.Context()))
	acquire(t, leases, "b")
}

func TestAnAcquireWithoutAnAnswerIsReadBack(t *testing.T) {
	e := ensured(t)
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: &unanswered{JetStream: e.js, next: true}}, time.Minute)
	check(t, err)
	lease := acquire(t, leases, "a")
	if !lease.Valid() {
		t.Error("the lease is not valid")
	}
	check(t, lease.Renew(t.Context()))
}

// The validity counts from the moment at which the renewal was sent, not from the answer.
func TestValidityCountsFromTheSending(t *testing.T) {
	e := ensured(t)
	slow := &slowAnswers{JetStream: e.js}
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: slow}, 10*time.Second)
	check(t, err)
	before := time.Now()
	lease := acquire(t, leases, "a")
	if got, most := lease.Until(), slow.sent.Add(9*time.Second); got.After(most) || got.Before(before.Add(9*time.Second)) {
		t.Errorf("acquired: valid until %s, want 0.9 TTL after the sending, %s", got, most)
	}
	check(t, lease.Renew(t.Context()))
	if got, most := lease.Until(), slow.sent.Add(9*time.Second); got.After(most) {
		t.Errorf("renewed: valid until %s, want at most %s", got, most)
	}
}

func TestServerTime(t *testing.T) {
	e := ensured(t)
	before := time.Now()
	lease := acquire(t, openLeases(t, e, time.Minute), "a")
	after := time.Now()
	m, err := e.stream("LEASES").GetLastMsgForSubject(t.Context(), "usher.lease."+vendor)
	check(t, err)
	if lease.ServerTime(before).After(m.Time) || lease.ServerTime(after).Before(m.Time) {
		t.Errorf("got %s to %s, want the stored time %s between", lease.ServerTime(before), lease.ServerTime(after), m.Time)
	}
	if got := lease.ServerTime(after.Add(time.Hour)).Sub(lease.ServerTime(after)); got != time.Hour {
		t.Errorf("an hour later: got %s", got)
	}
}

// A process whose clock is 20 s ahead sees the server 20 s behind.
func TestServerTimeOfASkewedServer(t *testing.T) {
	e := ensured(t)
	js := &skewed{JetStream: e.js, by: -20 * time.Second}
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: js}, time.Minute)
	check(t, err)
	before := time.Now()
	lease := acquire(t, leases, "a")
	took := time.Since(before)
	if got := before.Sub(lease.ServerTime(before)) - 20*time.Second; got < -took || got > took {
		t.Errorf("the offset is wrong by %s, want at most %s", got, took)
	}
}

// A renewal that was stored before the release is answered after it.
func TestAReleaseEndsARenewalOnItsWay(t *testing.T) {
	e := ensured(t)
	renewing, goOn := make(chan struct{}), make(chan struct{})
	acquired := false
	var once sync.Once
	js := &gated{JetStream: e.js, stored: func() {
		if acquired {
			once.Do(func() { close(renewing); <-goOn })
		}
	}}
	leases, err := streams.OpenLeases(t.Context(), streams.Client{JetStream: js}, time.Hour)
	check(t, err)
	lease := acquire(t, leases, "a")
	acquired = true
	var wg sync.WaitGroup
	wg.Go(func() { lease.Renew(t.Context()) })
	<-renewing
	wg.Go(func() {
		if err := lease.Release(t.Context()); err != nil {
			t.Error(err)
		}
	})
	until(t, "the release has begun", func() bool { return !lease.Valid() })
	close(goOn)
	wg.Wait()
	if lease.Valid() {
		t.Error("the renewal made the released lease valid again")
	}
	acquire(t, leases, "b")
}
