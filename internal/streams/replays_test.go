package streams_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// replays creates a stream of n replays for each of two vendors.
func (e *env) replays(n int) *streams.Replays {
	e.t.Helper()
	e.create(jetstream.StreamConfig{Name: "REPLAYS", Subjects: []string{"usher.replay.>"}})
	for range n {
		for _, of := range []string{vendor, "crm"} {
			m := nats.NewMsg("usher.replay." + of + ".user.created")
			m.Header.Set("Usher-Key", of)
			m.Data = []byte("data")
			_, err := e.js.PublishMsg(e.t.Context(), m)
			check(e.t, err)
		}
	}
	r := streams.NewReplays(e.client(), "REPLAYS")
	return r
}

func readReplays(t *testing.T, stream *streams.Replays) *streams.EventReader {
	t.Helper()
	r, err := stream.Read(streams.ReaderConfig{Vendor: vendor, Token: 7, Subjects: []string{"usher.replay." + vendor + ".>"}})
	check(t, err)
	t.Cleanup(func() { r.Close(context.WithoutCancel(t.Context())) })
	return r
}

// Each reader gets all replays of its vendor that are stored, until they are removed.
func TestReplaysStayUntilTheyAreRemoved(t *testing.T) {
	e := start(t)
	stream := e.replays(3)
	for range 2 {
		r := readReplays(t, stream)
		for i, seq := range next(t, r, 3) {
			if want := uint64(2*i + 1); seq != want {
				t.Errorf("got sequence %d, want %d", seq, want)
			}
		}
	}
	check(t, stream.Remove(t.Context(), 1))
	check(t, stream.Remove(t.Context(), 1)) // once more
	if got := next(t, readReplays(t, stream), 2); got[0] != 3 || got[1] != 5 {
		t.Errorf("got %v, want the two that stay", got)
	}
}

func TestGetAReplay(t *testing.T) {
	e := start(t)
	stream := e.replays(1)
	got, err := stream.Get(t.Context(), 2)
	check(t, err)
	if got.Position.Seq != 2 || got.Subject != "usher.replay.crm.user.created" || got.Header.Get("Usher-Key") != "crm" || string(got.Data) != "data" || got.Stored.IsZero() {
		t.Errorf("got %+v", got)
	}
	check(t, stream.Remove(t.Context(), 2))
	for what, seq := range map[string]uint64{"removed": 2, "not stored yet": 3} {
		if _, err := stream.Get(t.Context(), seq); !errors.Is(err, streams.ErrGone) {
			t.Errorf("%s: got %v, want ErrGone", what, err)
		}
	}
}

// A server that does not answer proves nothing gone, and nothing removed.
func TestReplaysOfAServerThatIsAway(t *testing.T) {
	e := start(t)
	e.replays(1)
	stream := streams.NewReplays(streams.Client{JetStream: e.js, Timeout: 50e6}, "REPLAYS")
	_, _ = stream.Get(t.Context(), 1) // opens the stream
	e.stop()
	if _, err := stream.Get(t.Context(), 1); err == nil || errors.Is(err, streams.ErrGone) {
		t.Errorf("got %v, want another error than ErrGone", err)
	}
	if err := stream.Remove(t.Context(), 1); err == nil {
		t.Error("the removal got no answer and counts as done")
	}
}

// The lag consumer of replays shows those that are stored.
func TestLagOfReplays(t *testing.T) {
	e := start(t)
	stream := e.replays(3)
	_, err := streams.OpenLag(t.Context(), e.client(), streams.CounterConfig{Stream: "REPLAYS", Consumer: "lms", Subjects: []string{"usher.replay." + vendor + ".>"}})
	check(t, err)
	want := func(n uint64) {
		t.Helper()
		c, err := e.js.Consumer(t.Context(), "REPLAYS", "lms")
		check(t, err)
		if got := c.CachedInfo().NumPending; got != n {
			t.Errorf("got a lag of %d, want %d", got, n)
		}
	}
	want(3)
	check(t, stream.Remove(t.Context(), 3))
	check(t, stream.Remove(t.Context(), 4))
	want(2)
}
