package streams_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/streams"
)

// list returns the sequences of the selected events.
func (e *env) list(q streams.Query) (list []uint64) {
	e.t.Helper()
	for m, err := range e.client().Messages(e.t.Context(), "EVENTS", q) {
		check(e.t, err)
		list = append(list, m.Position.Seq)
	}
	return list
}

func TestMessages(t *testing.T) {
	e := start(t)
	e.events(3)
	e.publish("other.thing", 2)
	m, err := e.stream("EVENTS").GetMsg(t.Context(), 3)
	check(t, err)
	for name, c := range map[string]struct {
		query streams.Query
		want  []uint64
	}{
		"all":                        {streams.Query{}, []uint64{1, 2, 3, 4, 5}},
		"after a sequence":           {streams.Query{After: 3}, []uint64{4, 5}},
		"after the last":             {streams.Query{After: 5}, nil},
		"since a time":               {streams.Query{Since: m.Time}, []uint64{3, 4, 5}},
		"since a later time":         {streams.Query{Since: time.Now().Add(time.Hour)}, nil},
		"of a subject since a time":  {streams.Query{Subjects: []string{"user.*"}, Since: m.Time.Add(1)}, nil},
		"of a subject":               {streams.Query{Subjects: []string{"user.*"}}, []uint64{1, 2, 3}},
		"of two subjects":            {streams.Query{Subjects: []string{"other.*", "user.created"}}, []uint64{1, 2, 3, 4, 5}},
		"of a subject without any":   {streams.Query{Subjects: []string{"user.deleted"}}, nil},
		"of two subjects, after one": {streams.Query{Subjects: []string{"user.deleted", "other.*"}, After: 4}, []uint64{5}},
	} {
		if got := e.list(c.query); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	for m, err := range e.client().Messages(t.Context(), "EVENTS", streams.Query{HeadersOnly: true}) {
		if err != nil || len(m.Data) > 0 {
			t.Errorf("got %q (%v), want no data", m.Data, err)
		}
	}
	check(t, e.client().Erase(t.Context(), "EVENTS", 5))
	if got := e.list(streams.Query{}); len(got) != 4 {
		t.Errorf("after the last message was erased: got %v, want 4", got)
	}
	e.purge("EVENTS")
	if got := e.list(streams.Query{}); len(got) > 0 {
		t.Errorf("got %v of an empty stream", got)
	}
	if names := e.consumers("EVENTS"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestMessagesOfAMissingStream(t *testing.T) {
	e := start(t)
	for _, follow := range []bool{false, true} {
		n := 0
		for _, err := range e.client().Messages(t.Context(), "EVENTS", streams.Query{Follow: follow}) {
			if n++; !errors.Is(err, streams.ErrNoStream) {
				t.Errorf("got %v, want ErrNoStream", err)
			}
		}
		if n != 1 {
			t.Errorf("got %d results, want one error", n)
		}
	}
}

// A query that the server refuses is an error, and not tried again for ever.
func TestAQueryThatIsRefused(t *testing.T) {
	e := start(t)
	e.events(1)
	for _, follow := range []bool{false, true} {
		var got error
		for _, err := range e.client().Messages(t.Context(), "EVENTS", streams.Query{Subjects: []string{"user.*", "user.created"}, Follow: follow}) {
			got = err
		}
		if got == nil {
			t.Errorf("got no error of overlapping subjects (follow: %v)", follow)
		}
	}
}

// A message that comes during a listing is not waited for, and not listed.
func TestMessagesEndAtTheLastOfTheStart(t *testing.T) {
	e := start(t)
	const stored = 600 // more than the prefetch
	e.events(stored)
	n := 0
	for _, err := range e.client().Messages(t.Context(), "EVENTS", streams.Query{}) {
		check(t, err)
		if n++; n == 1 {
			e.publish("user.created", 300)
		}
	}
	if n != stored {
		t.Errorf("got %d messages, want the %d of the start", n, stored)
	}
}

// A listing goes on after the loss of a consumer, passes no message twice, and still ends at
// the last message of the start.
func TestMessagesOutliveTheirConsumer(t *testing.T) {
	e := start(t)
	e.events(2000)
	var got []uint64
	for m, err := range e.client().Messages(t.Context(), "EVENTS", streams.Query{}) {
		check(t, err)
		if got = append(got, m.Position.Seq); len(got) == 10 {
			e.deleteConsumers("EVENTS")
			e.publish("user.created", 300)
		}
	}
	wantSequences(t, got, 1, 2000)
}

// A follower survives a kill of the server, and reads a stream made anew from the start.
func TestFollow(t *testing.T) {
	e := start(t)
	e.events(2)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []string
	for m, err := range e.client().Messages(ctx, "EVENTS", streams.Query{After: 1, Follow: true}) {
		check(t, err)
		switch got = append(got, fmt.Sprint(m.Position.Seq)); len(got) {
		case 1:
			e.publish("user.created", 1)
		case 2:
			e.kill()
			until(t, "an event is published", func() bool {
				_, err := e.js.Publish(t.Context(), "user.created", nil)
				return err == nil
			})
		case 3:
			e.remake(2)
		}
		if len(got) == 5 {
			break
		}
	}
	if want := "2 3 4 1 2"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// failing fails the second creation of a consumer.
type failing struct {
	jetstream.JetStream
	calls int
}

func (f *failing) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if f.calls++; f.calls == 2 {
		return nil, errors.New("the server is away")
	}
	return f.JetStream.CreateConsumer(ctx, stream, c)
}

func TestAFollowerTriesAgain(t *testing.T) {
	e := start(t)
	e.events(1)
	js := &failing{JetStream: e.js}
	var got []uint64
	for m, err := range (streams.Client{JetStream: js}).Messages(t.Context(), "EVENTS", streams.Query{Follow: true}) {
		check(t, err)
		if got = append(got, m.Position.Seq); len(got) == 2 {
			break
		}
		e.deleteConsumers("EVENTS")
		e.publish("user.created", 1)
	}
	if js.calls < 3 || !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("got %v after %d consumers, want both messages after a failure", got, js.calls)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	e := start(t)
	e.events(1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range e.client().Messages(ctx, "EVENTS", streams.Query{Follow: true}) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, want the error of the context", last)
	}
}

// TestAReadingThatEndsEarly leaves nothing behind that waits for the rest, though
// the connection is closed before that could come.
func TestAReadingThatEndsEarly(t *testing.T) {
	set, nc := emptySet(t)
	_, err := set.Client.JetStream.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"user.*"}})
	check(t, err)
	large := make([]byte, 512<<10)
	for range 100 {
		_, err := set.Client.JetStream.Publish(t.Context(), "user.created", large)
		check(t, err)
	}
	for _, err := range set.Client.Messages(t.Context(), "EVENTS", streams.Query{}) {
		check(t, err)
		break
	}
	nc.Close()
	if err := goleak.Find(); err != nil && strings.Contains(err.Error(), "nats.go/jetstream") { // beside the server's own
		t.Error(err)
	}
}
