package streams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// The last room of the dead letters is for the parts that have not filled the stream: events at fault on a
// subject, or failures at a vendor.
func TestLastRoomOfDeadLettersIsShared(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	for name, add := range map[string]func(*streams.Set, streams.DeadLetter) error{
		"failures of a vendor": func(s *streams.Set, d streams.DeadLetter) error { return s.DeadLetters.Add(t.Context(), d) },
		"faulty events":        func(s *streams.Set, d streams.DeadLetter) error { return s.DeadLetters.AddEvent(t.Context(), d) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := newSet(t)
			stream, err := set.Client.JetStream.Stream(t.Context(), streams.DeadLettersStream)
			check(t, err)
			c := stream.CachedInfo().Config
			c.MaxBytes, c.Discard = limit, jetstream.DiscardNew
			_, err = set.Client.JetStream.UpdateStream(t.Context(), c)
			check(t, err)
			_, err = set.Events.Send(t.Context(), event(t, "e1"))
			check(t, err)
			first, err := set.Events.FirstSequence(t.Context())
			check(t, err)
			set.LookAtRoom(t.Context())
			letter := func(i int, vendor, subject string) streams.DeadLetter {
				return streams.DeadLetter{
					Vendor: vendor, Type: events.UserUpdated, Key: fmt.Sprint("k", i), Class: "invalid", Subject: subject,
					Epoch: first.Epoch, Seq: first.Seq, Payload: []byte(`"` + strings.Repeat("x", 20_000) + `"`),
				}
			}
			n, refused := 0, error(nil)
			for ; refused == nil && n < 2000; n++ {
				refused = add(set, letter(n, "acme", events.UserUpdated))
			}
			if refused == nil || !strings.Contains(refused.Error(), "raise its limits") || strings.Contains(refused.Error(), "is full") {
				t.Fatalf("got %v after %d dead letters, want that the last room is for others", refused, n)
			}
			without := 0
			for d, err := range set.DeadLetters.List(t.Context()) {
				check(t, err)
				if len(d.Payload) < 20_000 && d.Omitted == 0 { // restored from the stream of events
					without++
				}
			}
			if with := n - 1 - without; without < 5 || with < 20 {
				t.Errorf("got %d dead letters with and %d without payload, want most of the room with, and then without", with, without)
			}
			if err := set.DeadLetters.Add(t.Context(), letter(n, "other", events.UserCreated)); err != nil {
				t.Errorf("got %v for the failure of a user at another vendor, want room", err)
			}
			if err := set.DeadLetters.AddEvent(t.Context(), letter(n, "other", events.UserCreated)); err != nil && name == "failures of a vendor" {
				t.Errorf("got %v for a faulty event, want room", err)
			}
		})
	}
}
