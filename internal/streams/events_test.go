package streams_test

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// at is a position in the present stream of events.
func (e *env) at(seq uint64) events.Position {
	e.t.Helper()
	return events.Position{Epoch: e.info("EVENTS").Created.UnixNano(), Seq: seq}
}

// remake deletes the stream of events and makes it anew, with n events.
func (e *env) remake(n int) {
	e.t.Helper()
	check(e.t, e.js.DeleteStream(e.t.Context(), "EVENTS"))
	e.events(n)
}

func TestGet(t *testing.T) {
	e := start(t)
	stream := e.events(1)
	m := nats.NewMsg("user.updated")
	m.Header.Set("X", "y")
	m.Data = []byte("data")
	_, err := e.js.PublishMsg(t.Context(), m)
	check(t, err)
	got, err := stream.Get(t.Context(), e.at(2))
	check(t, err)
	if got.Position != e.at(2) || got.Subject != "user.updated" || got.Header.Get("X") != "y" || string(got.Data) != "data" || got.Stored.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestGetOfWhatIsGone(t *testing.T) {
	for name, direct := range map[string]bool{"from the leader": false, "directly": true} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*"}, AllowDirect: direct})
			e.publish("user.created", 3)
			stream := streams.NewEvents(e.client(), "EVENTS")
			check(t, e.stream("EVENTS").DeleteMsg(t.Context(), 2))
			other := e.at(1)
			other.Epoch--
			for what, p := range map[string]events.Position{"deleted": e.at(2), "not stored yet": e.at(4), "without a position": {}, "of another epoch": other} {
				if _, err := stream.Get(t.Context(), p); !errors.Is(err, streams.ErrGone) {
					t.Errorf("%s: got %v, want ErrGone", what, err)
				}
			}
			_, err := stream.Get(t.Context(), e.at(3))
			check(t, err)
		})
	}
}

// The same sequence of a stream made anew is another event.
func TestGetAfterTheStreamWasMadeAnew(t *testing.T) {
	e := start(t)
	stream := e.events(3)
	old := e.at(2)
	_, err := stream.Get(t.Context(), old)
	check(t, err)
	e.remake(3)
	if _, err := stream.Get(t.Context(), old); !errors.Is(err, streams.ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
	_, err = stream.Get(t.Context(), e.at(2))
	check(t, err)
}

// A server that does not answer proves nothing gone.
func TestGetFromAServerThatIsAway(t *testing.T) {
	e := start(t)
	e.events(1)
	p := e.at(1)
	stream := streams.NewEvents(streams.Client{JetStream: e.js, Timeout: 50e6}, "EVENTS")
	_, _ = stream.Get(t.Context(), p) // opens the stream
	e.stop()
	if _, err := stream.Get(t.Context(), p); err == nil || errors.Is(err, streams.ErrGone) {
		t.Errorf("got %v, want another error than ErrGone", err)
	}
}

// A follower that lags behind does not have the event yet; the leader has it.
func TestGetAsksTheLeader(t *testing.T) {
	e := start(t)
	e.create(jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*"}, AllowDirect: true})
	m := nats.NewMsg("user.created")
	m.Header.Set("X", "y")
	m.Data = []byte("data")
	_, err := e.js.PublishMsg(t.Context(), m)
	check(t, err)
	stream := streams.NewEvents(streams.Client{JetStream: &lagging{e.js}}, "EVENTS")
	got, err := stream.Get(t.Context(), e.at(1))
	check(t, err)
	if got.Subject != "user.created" || got.Header.Get("X") != "y" || string(got.Data) != "data" || got.Stored.IsZero() {
		t.Errorf("got %+v", got)
	}
}

func TestFirstSequence(t *testing.T) {
	e := start(t)
	stream := e.events(0)
	want := func(seq uint64) {
		t.Helper()
		if got, err := stream.FirstSequence(t.Context()); err != nil || got != e.at(seq) {
			t.Errorf("got %v (%v), want %v", got, err, e.at(seq))
		}
	}
	want(1)
	e.publish("user.created", 3)
	want(1)
	check(t, e.stream("EVENTS").DeleteMsg(t.Context(), 1))
	want(2)
	e.purge("EVENTS")
	want(4)
	e.remake(1)
	want(1)
}

func TestPositionsAreOrdered(t *testing.T) {
	for name, c := range map[string]struct {
		p, q events.Position
		want int
	}{
		"the same":        {events.Position{Epoch: 1, Seq: 1}, events.Position{Epoch: 1, Seq: 1}, 0},
		"earlier":         {events.Position{Epoch: 1, Seq: 1}, events.Position{Epoch: 1, Seq: 2}, -1},
		"a later epoch":   {events.Position{Epoch: 2, Seq: 1}, events.Position{Epoch: 1, Seq: 9}, 1},
		"of no epoch yet": {events.Position{}, events.Position{Epoch: 1}, -1},
	} {
		if got := c.p.Compare(c.q); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// lagging answers direct reads as a follower without the message does.
type lagging struct{ jetstream.JetStream }

func (l *lagging) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s, err := l.JetStream.Stream(ctx, name)
	return &laggingStream{s}, err
}

type laggingStream struct{ jetstream.Stream }

func (*laggingStream) GetMsg(context.Context, uint64, ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}
