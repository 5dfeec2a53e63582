package bus_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// read returns the dead letters that there are.
func read(t *testing.T, b *bus.Bus) (list []bus.DeadLetter) {
	t.Helper()
	err := b.DeadLetters(t.Context(), func(d bus.DeadLetter) bool {
		list = append(list, d)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDropLeavesADeadLetterThatCameSince(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	first := deadLetter("k1")
	if err := b.Bury(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	old := read(t, b)[0]
	first.Replay = 1
	if err := b.Bury(t.Context(), first); err != nil { // its replay failed at once
		t.Fatal(err)
	}
	if err := b.Drop(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if got := read(t, b); len(got) != 1 || got[0].Replay != 1 {
		t.Errorf("got %+v, want the newer one", got)
	}
}

func TestReplaysOfOneKeyAndTwoTypesAreTwo(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, kind := range []string{"user.created", "user.deleted"} {
		d := deadLetter("k1")
		d.Type = kind
		if err := b.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range read(t, b) {
		if err := b.Replay(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := b.JetStream().Stream(t.Context(), bus.ReplaysStream)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 2 {
		t.Errorf("got %d replays, want 2", got)
	}
}

// narrow is a server that takes messages of 256 kB at most.
func narrow(t *testing.T) *bus.Bus {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: 256 << 10, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return natstest.Ensure(t, nc, layout)
}

func TestADeadLetterThatIsTooLargeToBeKeptWhole(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		header map[string][]string
		data   string
	}{
		"the payload": {map[string][]string{"Content-Type": {"application/cloudevents+json"}}, strings.Repeat("x", 240<<10)},
		"the headers": {map[string][]string{"Ce-Id": {"e1"}, "X-Note": {strings.Repeat("<", 60<<10)}}, ""}, // JSON takes six bytes for each
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := narrow(t)
			m := &nats.Msg{Subject: events.UserCreated, Header: c.header, Data: []byte(c.data)}
			if _, err := b.JetStream().PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			at, err := b.Extent(t.Context(), bus.EventsStream)
			if err != nil {
				t.Fatal(err)
			}
			d := deadLetter("k1")
			d.Epoch, d.Seq, d.Header, d.Payload = at.Epoch, 1, c.header, m.Data
			if err := b.Bury(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			got := read(t, b)[0]
			if diff := cmp.Diff(c.header, got.Header); diff != "" || string(got.Payload) != c.data {
				t.Fatalf("got %d bytes, want the %d of the event; headers (-want +got):\n%s", len(got.Payload), len(c.data), diff)
			}
			if err := b.Replay(t.Context(), got); err != nil {
				t.Errorf("it cannot be sent back: %v", err)
			}
			if got := read(t, b)[0]; got.Replaying != 1 {
				t.Errorf("got replay %d, want that it is marked", got.Replaying)
			}
		})
	}
}

// TestADeliveryThatIsTooLargeToBeKept is about what is in no stream of events.
func TestADeliveryThatIsTooLargeToBeKept(t *testing.T) {
	t.Parallel()
	b := narrow(t)
	d := deadLetter("k1")
	d.Epoch, d.Seq, d.Payload = 0, 0, make([]byte, 240<<10)
	if err := b.Bury(t.Context(), d); err == nil {
		t.Errorf("got %+v, want an error rather than a part of it", read(t, b)[0])
	}
}

// Dead letters that leave while the list is read are not waited for, and hide none
// of those that stay: the first 500 are on their way when the others leave.
func TestAListIsReadWhileDeadLettersLeave(t *testing.T) {
	for name, stays := range map[string]func(i int) bool{
		"all the others": func(int) bool { return false },
		"but the last":   func(i int) bool { return i == 519 },
		"but some":       func(i int) bool { return i%4 == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := ensured(t)
			want := 500
			for i := range 520 {
				if err := b.Bury(t.Context(), deadLetter(fmt.Sprint("k", i))); err != nil {
					t.Fatal(err)
				}
				if i >= 500 && stays(i) {
					want++
				}
			}
			all := read(t, b)
			var got int
			err := b.DeadLetters(t.Context(), func(bus.DeadLetter) bool {
				if got++; got > 1 {
					return true
				}
				for i, d := range all {
					if i >= 500 && !stays(i) {
						if err := b.Drop(t.Context(), d); err != nil {
							t.Error(err)
						}
					}
				}
				return true
			})
			if err != nil || got != want {
				t.Errorf("got %d and %v, want %d", got, err, want)
			}
		})
	}
}
