package streams_test

import (
	"testing"

	"github.com/usherhq/usher/events"
)

// The first start ever decides. A vendor that was served before has no start.
func TestBeginCountsOnce(t *testing.T) {
	e := ensured(t)
	at := func(seq uint64) func() (events.Position, error) {
		return func() (events.Position, error) { return events.Position{Epoch: 1, Seq: seq}, nil }
	}
	for _, seq := range []uint64{5, 9} {
		got, err := openOwnership(t, e).Begin(t.Context(), at(seq))
		check(t, err)
		if want := (events.Position{Epoch: 1, Seq: 5}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	wantPosition(t, openOwnership(t, e), events.Position{Epoch: 1, Seq: 5})
}

func TestBeginOfAVendorThatWasServed(t *testing.T) {
	e := ensured(t)
	o := openOwnership(t, e)
	_, err := o.RaiseToken(t.Context(), 0)
	check(t, err)
	got, err := o.Begin(t.Context(), func() (events.Position, error) { return events.Position{Epoch: 1, Seq: 5}, nil })
	check(t, err)
	if got != (events.Position{}) {
		t.Errorf("got %v, want no start", got)
	}
	wantPosition(t, o, events.Position{})
}
