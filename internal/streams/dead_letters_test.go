package streams_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// read returns the dead letters that there are.
func read(t *testing.T, set *streams.Set) (list []streams.DeadLetter) {
	t.Helper()
	for d, err := range set.DeadLetters.List(t.Context()) {
		check(t, err)
		list = append(list, d)
	}
	return list
}

func TestDropLeavesADeadLetterThatCameSince(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	first := deadLetter("k1")
	if err := set.DeadLetters.Add(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	old := read(t, set)[0]
	first.Replay = 1
	if err := set.DeadLetters.Add(t.Context(), first); err != nil { // its replay failed at once
		t.Fatal(err)
	}
	if err := set.DeadLetters.Remove(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if got := read(t, set); len(got) != 1 || got[0].Replay != 1 {
		t.Errorf("got %+v, want the newer one", got)
	}
}

func TestReplaysOfOneKeyAndTwoTypesAreTwo(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for _, kind := range []string{"user.created", "user.deleted"} {
		d := deadLetter("k1")
		d.Type = kind
		if err := set.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range read(t, set) {
		if err := set.DeadLetters.Replay(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.ReplaysStream)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().State.Msgs; got != 2 {
		t.Errorf("got %d replays, want 2", got)
	}
}

// narrow is a server that takes messages of 256 kB at most.
func narrow(t *testing.T) *streams.Set {
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
		"the headers": {map[string][]string{"Ce-Id": {"e1"}, "Ce-Note": {strings.Repeat("<", 60<<10)}}, ""}, // JSON takes six bytes for each
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			set := narrow(t)
			m := &nats.Msg{Subject: events.UserCreated, Header: c.header, Data: []byte(c.data)}
			if _, err := set.Client.JetStream.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			at, err := set.Client.Extent(t.Context(), streams.EventsStream)
			if err != nil {
				t.Fatal(err)
			}
			d := deadLetter("k1")
			d.Epoch, d.Seq, d.Header, d.Payload = at.Epoch, 1, c.header, m.Data
			if err := set.DeadLetters.Add(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			got := read(t, set)[0]
			if diff := cmp.Diff(c.header, got.Header); diff != "" || string(got.Payload) != c.data {
				t.Fatalf("got %d bytes, want the %d of the event; headers (-want +got):\n%s", len(got.Payload), len(c.data), diff)
			}
			if err := set.DeadLetters.Replay(t.Context(), got); err != nil {
				t.Errorf("it cannot be sent back: %v", err)
			}
			if got := read(t, set)[0]; got.Replaying != 1 {
				t.Errorf("got replay %d, want that it is marked", got.Replaying)
			}
		})
	}
}

// TestADeliveryThatIsTooLargeToBeKept is about what is in no stream of events.
func TestADeliveryThatIsTooLargeToBeKept(t *testing.T) {
	t.Parallel()
	set := narrow(t)
	d := deadLetter("k1")
	d.Epoch, d.Seq, d.Payload = 0, 0, make([]byte, 240<<10)
	if err := set.DeadLetters.Add(t.Context(), d); err == nil {
		t.Errorf("got %+v, want an error rather than a part of it", read(t, set)[0])
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
			set := newSet(t)
			want := 500
			for i := range 520 {
				if err := set.DeadLetters.Add(t.Context(), deadLetter(fmt.Sprint("k", i))); err != nil {
					t.Fatal(err)
				}
				if i >= 500 && stays(i) {
					want++
				}
			}
			all := read(t, set)
			var got int
			for _, err := range set.DeadLetters.List(t.Context()) {
				check(t, err)
				if got++; got > 1 {
					continue
				}
				for i, d := range all {
					if i >= 500 && !stays(i) {
						check(t, set.DeadLetters.Remove(t.Context(), d))
					}
				}
			}
			if got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}
}

func TestTheNewestDeadLetterOfAnEffectStays(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	newer := deadLetter("k1")
	newer.Attempts = 9
	for _, d := range []streams.DeadLetter{deadLetter("k1"), deadLetter("k2"), newer} {
		if err := set.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, d := range read(t, set) {
		got = append(got, d.ID())
	}
	if diff := cmp.Diff([]string{"acme.k2", "acme.k1"}, got); diff != "" {
		t.Errorf("dead letters differ (-want +got):\n%s", diff)
	}
	if d, err := set.DeadLetters.Get(t.Context(), "acme", events.UserCreated, "k1"); err != nil || d.Attempts != 9 {
		t.Errorf("got %d attempts (%v), want 9", d.Attempts, err)
	}
}

// TestDigestOfALargeDelivery stores a delivery beyond the limit of NATS: the dead letter has sender, time,
// size and digest, and no payload.
func TestDigestOfALargeDelivery(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	body := bytes.Repeat([]byte("a"), 900<<10)
	at := time.Unix(1_700_000_000, 0).UTC()
	err := set.DeadLetters.Add(t.Context(), streams.DeadLetter{
		Vendor: "webhooks", Type: "crm", Key: "k", EventID: "d1", Source: "/webhooks/crm", Class: "invalid", Message: "event: no such field",
		Places: []string{"1"}, FirstTry: at, Subject: "/webhooks/crm", Payload: body, Header: map[string][]string{"X-A": {"b"}},
	})
	if !errors.Is(err, streams.ErrDigestKept) {
		t.Fatalf("got %v, want ErrDigestKept", err)
	}
	want := fmt.Sprintf("%x", sha256.Sum256(body))
	list := read(t, set)
	if len(list) != 1 {
		t.Fatalf("got %d dead letters, want 1", len(list))
	}
	for _, d := range list {
		if d.Digest != want || d.Omitted != len(body) || len(d.Payload) > 0 || !d.FirstTry.Equal(at) || d.Source != "/webhooks/crm" {
			t.Errorf("got %+v, want the digest %s of %d bytes", d, want, len(body))
		}
		if !strings.Contains(d.Message, want) || !strings.Contains(d.Message, "no such field") {
			t.Errorf("got the message %q, want the digest and the fault", d.Message)
		}
	}
}
