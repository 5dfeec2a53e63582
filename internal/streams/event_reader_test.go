package streams_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// readFrom returns a reader of user.* after a position.
func readFrom(t *testing.T, stream *streams.Events, after events.Position, change ...func(*streams.ReaderConfig)) *streams.EventReader {
	t.Helper()
	c := streams.ReaderConfig{Vendor: vendor, Token: 7, Subjects: []string{"user.*"}, After: after}
	for _, f := range change {
		f(&c)
	}
	r, err := stream.Read(c)
	check(t, err)
	t.Cleanup(func() { r.Close(context.WithoutCancel(t.Context())) })
	return r
}

func prefetch(n int) func(*streams.ReaderConfig) {
	return func(c *streams.ReaderConfig) { c.Prefetch = n }
}

// next reads events until n came, and returns their sequences. Errors of a server that is
// away are borne.
func next(t *testing.T, r *streams.EventReader, n int) (list []uint64) {
	t.Helper()
	for _, m := range messages(t, r, n) {
		list = append(list, m.Position.Seq)
	}
	return list
}

func messages(t *testing.T, r *streams.EventReader, n int) (list []streams.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(list) < n {
		got, err := r.Next(ctx, n-len(list))
		if ctx.Err() != nil {
			t.Fatalf("got %d events, want %d: %v", len(list), n, err)
		}
		list = append(list, got...)
	}
	return list
}

func wantSequences(t *testing.T, got []uint64, first, last uint64) {
	t.Helper()
	var want []uint64
	for seq := first; seq <= last; seq++ {
		want = append(want, seq)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %d to %d in order", got, first, last)
	}
}

// consumer returns the only consumer of the stream of events.
func (e *env) consumer() jetstream.Consumer {
	e.t.Helper()
	names := e.consumers("EVENTS")
	if len(names) != 1 {
		e.t.Fatalf("got consumers %v, want one", names)
	}
	c, err := e.stream("EVENTS").Consumer(e.t.Context(), names[0])
	check(e.t, err)
	return c
}

// steal takes n events of a consumer, which its reader then never gets.
func steal(t *testing.T, c jetstream.Consumer, n int) {
	t.Helper()
	batch, err := c.Fetch(n, jetstream.FetchMaxWait(patience))
	check(t, err)
	for range batch.Messages() {
		n--
	}
	if n != 0 || batch.Error() != nil {
		t.Fatalf("%d events were not taken: %v", n, batch.Error())
	}
}

func TestAReaderReadsAfterAPosition(t *testing.T) {
	e := start(t)
	stream := e.events(20)
	r := readFrom(t, stream, e.at(5))
	got := messages(t, r, 15)
	if got[0].Position != e.at(6) || string(got[0].Data) != "5" || got[0].Subject != "user.created" || got[0].Stored.IsZero() {
		t.Errorf("got %+v", got[0])
	}
	e.publish("other.thing", 1)
	e.publish("user.created", 1)
	if got := next(t, r, 1); got[0] != 22 {
		t.Errorf("got %v, want 22", got)
	}
}

func TestNextHasALimitAndAnEnd(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(10), e.at(0))
	if got, err := r.Next(t.Context(), 3); err != nil || len(got) == 0 || len(got) > 3 {
		t.Errorf("got %d events (%v), want 1 to 3", len(got), err)
	}
	r = readFrom(t, e.eventsAgain(), e.at(10))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Next(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func (e *env) eventsAgain() *streams.Events {
	e.t.Helper()
	stream := streams.NewEvents(e.client(), "EVENTS")
	return stream
}

func TestTheConsumerOfAReader(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(3), e.at(1))
	next(t, r, 2)
	c := e.consumer().CachedInfo().Config
	if !strings.HasPrefix(c.Name, "usher-intake-lms-7-") || c.AckPolicy != jetstream.AckNonePolicy || !c.MemoryStorage ||
		c.OptStartSeq != 2 || c.InactiveThreshold != 10*time.Second || c.Durable != "" && c.Durable != c.Name {
		t.Errorf("got %+v", c)
	}
	r.Close(t.Context())
	if names := e.consumers("EVENTS"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	r.Close(t.Context())
}

// The reader of a former owner takes nothing from the reader of the owner.
func TestTwoOwnersReadAll(t *testing.T) {
	e := start(t)
	stream := e.events(50)
	former := readFrom(t, stream, e.at(0), prefetch(5))
	wantSequences(t, next(t, former, 10), 1, 10)
	owner := readFrom(t, stream, e.at(3), func(c *streams.ReaderConfig) { c.Token = 8 })
	wantSequences(t, next(t, owner, 47), 4, 50)
	wantSequences(t, next(t, former, 40), 11, 50)
}

func TestAReaderOutlivesItsConsumer(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(30), e.at(0), prefetch(10))
	wantSequences(t, next(t, r, 5), 1, 5)
	e.deleteConsumers("EVENTS")
	wantSequences(t, next(t, r, 25), 6, 30)
	e.deleteConsumers("EVENTS")
	e.publish("user.created", 3)
	wantSequences(t, next(t, r, 3), 31, 33)
}

// An event that went astray leaves a gap in the consumer's sequence.
func TestAReaderClosesAGap(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(1), e.at(0), prefetch(1))
	wantSequences(t, next(t, r, 1), 1, 1)
	e.publish("user.created", 2)
	steal(t, e.consumer(), 2)
	e.publish("user.created", 3)
	wantSequences(t, next(t, r, 5), 2, 6)
}

// Without a later event the gap shows only in the server's count.
func TestAReaderMissesALostTail(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(1), e.at(0), prefetch(1))
	wantSequences(t, next(t, r, 1), 1, 1)
	e.publish("user.created", 2)
	steal(t, e.consumer(), 2)
	wantSequences(t, next(t, r, 2), 2, 3)
}

func TestAReaderSurvivesAKillOfTheServer(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(20), e.at(0), prefetch(5))
	wantSequences(t, next(t, r, 12), 1, 12)
	e.kill()
	wantSequences(t, next(t, r, 8), 13, 20)
	until(t, "an event is published", func() bool {
		_, err := e.js.Publish(t.Context(), "user.created", nil)
		return err == nil
	})
	if got := next(t, r, 1); got[0] != 21 {
		t.Errorf("got %v, want 21", got)
	}
}

func TestAReaderOfAStreamMadeAnew(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(5), e.at(0))
	wantSequences(t, next(t, r, 5), 1, 5)
	e.remake(2)
	got := messages(t, r, 2)
	if got[0].Position != e.at(1) || got[1].Position != e.at(2) {
		t.Errorf("got %v and %v, want the first two of the new epoch", got[0].Position, got[1].Position)
	}
}

func TestAPositionOfAnotherEpochIsTheStart(t *testing.T) {
	e := start(t)
	stream := e.events(5)
	for name, after := range map[string]events.Position{"none": {}, "older": {Epoch: 1, Seq: 3}, "newer": {Epoch: e.at(0).Epoch + 1, Seq: 3}} {
		got := messages(t, readFrom(t, stream, after), 5)
		if got[0].Position != e.at(1) {
			t.Errorf("%s: got %v, want the start", name, got[0].Position)
		}
	}
}

func TestAReaderSkipsWhatIsGone(t *testing.T) {
	e := start(t)
	r := readFrom(t, e.events(10), e.at(0), prefetch(2))
	wantSequences(t, next(t, r, 2), 1, 2)
	check(t, e.stream("EVENTS").Purge(t.Context(), jetstream.WithPurgeSequence(8)))
	wantSequences(t, next(t, r, 3), 8, 10)
}

func TestReadRefusesAName(t *testing.T) {
	e := start(t)
	if _, err := e.events(0).Read(streams.ReaderConfig{Vendor: "a.b"}); err == nil {
		t.Error("got no error")
	}
}
