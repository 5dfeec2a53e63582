package streams_test

import (
	"sync"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

func openOwnership(t *testing.T, e *env) *streams.Ownership {
	t.Helper()
	o, err := streams.OpenOwnership(t.Context(), e.client(), vendor)
	check(t, err)
	return o
}

func wantPosition(t *testing.T, o *streams.Ownership, want events.Position) {
	t.Helper()
	got, err := o.Position(t.Context())
	check(t, err)
	if got != want {
		t.Errorf("got position %v, want %v", got, want)
	}
}

func TestRaiseTokenNeverReturnsATokenTwice(t *testing.T) { raiseTogether(t, ensured(t)) }

// raiseTogether raises the token by several processes at the same time.
func raiseTogether(t *testing.T, e *env) {
	t.Helper()
	tokens := make(chan uint64, 40)
	var wg sync.WaitGroup
	for range 4 {
		o := openOwnership(t, e)
		wg.Go(func() {
			for range 10 {
				token, err := o.RaiseToken(t.Context(), 0)
				if err != nil {
					t.Error(err)
				}
				tokens <- token
			}
		})
	}
	wg.Wait()
	close(tokens)
	seen := map[uint64]bool{}
	for token := range tokens {
		if seen[token] || token < 1 || token > 40 {
			t.Errorf("got token %d, want each of 1 to 40 once", token)
		}
		seen[token] = true
	}
}

func TestRaiseTokenAboveAPurgedBucket(t *testing.T) {
	e := ensured(t)
	o := openOwnership(t, e)
	for range 3 {
		_, err := o.RaiseToken(t.Context(), 0)
		check(t, err)
	}
	e.purge("KV_OWNERSHIP")
	low, err := o.RaiseToken(t.Context(), 0)
	check(t, err)
	high, err := o.RaiseToken(t.Context(), 3)
	check(t, err)
	if low != 1 || high != 4 {
		t.Errorf("got %d and %d, want 1 and 4", low, high)
	}
}

func TestCommitNeverGoesBack(t *testing.T) {
	at := func(epoch int64, seq uint64) events.Position { return events.Position{Epoch: epoch, Seq: seq} }
	e := ensured(t)
	former, owner := openOwnership(t, e), openOwnership(t, e)
	wantPosition(t, former, events.Position{})
	for _, step := range []struct {
		by   *streams.Ownership
		p    events.Position
		want events.Position
	}{
		{former, at(1, 5), at(1, 5)},
		{owner, at(1, 10), at(1, 10)},
		{former, at(1, 7), at(1, 10)},  // late and lower: kept
		{former, at(1, 12), at(1, 12)}, // late and higher: a true position
		{owner, at(1, 11), at(1, 12)},
		{owner, at(1, 13), at(1, 13)},
		{owner, at(2, 1), at(2, 1)}, // the stream of events was made anew
		{former, at(1, 99), at(2, 1)},
		{owner, at(2, 1), at(2, 1)},
	} {
		check(t, step.by.Commit(t.Context(), step.p))
		wantPosition(t, openOwnership(t, e), step.want)
	}
}

func TestCommitAfterAPurge(t *testing.T) {
	e := ensured(t)
	o := openOwnership(t, e)
	check(t, o.Commit(t.Context(), events.Position{Epoch: 1, Seq: 5}))
	e.purge("KV_OWNERSHIP")
	check(t, o.Commit(t.Context(), events.Position{Epoch: 1, Seq: 6}))
	wantPosition(t, openOwnership(t, e), events.Position{Epoch: 1, Seq: 6})
	e.purge("KV_OWNERSHIP")
	wantPosition(t, o, events.Position{})
}

// A commit without an answer may have been stored: the next commit reads again.
func TestCommitWithoutAnAnswer(t *testing.T) {
	e := ensured(t)
	js := &unansweredKV{JetStream: e.js}
	o, err := streams.OpenOwnership(t.Context(), streams.Client{JetStream: js}, vendor)
	check(t, err)
	check(t, o.Commit(t.Context(), events.Position{Epoch: 1, Seq: 1}))
	js.next.Store(true)
	if err := o.Commit(t.Context(), events.Position{Epoch: 1, Seq: 2}); err == nil {
		t.Fatal("got no error")
	}
	check(t, o.Commit(t.Context(), events.Position{Epoch: 1, Seq: 3}))
	wantPosition(t, openOwnership(t, e), events.Position{Epoch: 1, Seq: 3})
}

func TestOwnershipSurvivesAKillOfTheServer(t *testing.T) {
	e := ensured(t)
	o := openOwnership(t, e)
	token, err := o.RaiseToken(t.Context(), 0)
	check(t, err)
	p := events.Position{Epoch: 1, Seq: 5}
	check(t, o.Commit(t.Context(), p))
	check(t, o.SetSwept(t.Context(), "n"))
	e.kill()
	until(t, "the position is read", func() bool { _, err := o.Position(t.Context()); return err == nil })
	wantPosition(t, o, p)
	if nonce, err := o.Swept(t.Context()); err != nil || nonce != "n" {
		t.Errorf("got nonce %q (%v)", nonce, err)
	}
	if next, err := o.RaiseToken(t.Context(), 0); err != nil || next != token+1 {
		t.Errorf("got token %d (%v), want %d", next, err, token+1)
	}
}

func TestSwept(t *testing.T) {
	o := openOwnership(t, ensured(t))
	for _, want := range []string{"", "a", "b"} {
		if want != "" {
			check(t, o.SetSwept(t.Context(), want))
		}
		if got, err := o.Swept(t.Context()); err != nil || got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
}
