package bus_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/internal/bus"
)

// buried returns a dead letter as it is read after it was buried.
func buried(t *testing.T, b *bus.Bus, d bus.DeadLetter) bus.DeadLetter {
	t.Helper()
	if err := b.Bury(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	found, err := b.DeadLetter(t.Context(), d.ID())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// replays is how many messages are on their way back.
func replays(t *testing.T, b *bus.Bus) uint64 {
	t.Helper()
	stream, err := b.JetStream().Stream(t.Context(), bus.ReplaysStream)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestReplayCarriesTheFirstOrderAndMarksTheDeadLetter(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	if err := b.Replay(t.Context(), buried(t, b, deadLetter("k1"))); err != nil {
		t.Fatal(err)
	}
	d, err := b.DeadLetter(t.Context(), "acme.k1")
	if err != nil || d.Replaying != 1 || d.Replay != 0 || time.Since(d.ReplayedAt) > time.Minute {
		t.Errorf("got %+v (%v), want it marked as being replayed", d, err)
	}
	m, err := b.Message(t.Context(), bus.ReplaysStream, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "usher.replay.acme.user.created"; m.Subject != want {
		t.Errorf("got the subject %s, want %s", m.Subject, want)
	}
	if want := []string{"application/cloudevents+json"}; !slices.Equal(m.Header["Content-Type"], want) {
		t.Errorf("got the content type %q, want %q", m.Header["Content-Type"], want)
	}
	if want := []string{"acme.k1.user.created.1"}; !slices.Equal(m.Header[nats.MsgIdHdr], want) {
		t.Errorf("got the message id %q, want %q and not that of the event", m.Header[nats.MsgIdHdr], want)
	}
	got, _ := bus.ReadReplay(m.Header)
	if diff := cmp.Diff(bus.Replayed{Key: "k1", Epoch: 1, Seq: 42, Number: 1}, got); diff != "" {
		t.Errorf("the replay differs (-want +got):\n%s", diff)
	}
}

func TestReplayOfWhatHasChangedSendsNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*testing.T, *bus.Bus, bus.DeadLetter) error{
		"dropped": func(t *testing.T, b *bus.Bus, d bus.DeadLetter) error { return b.Drop(t.Context(), d) },
		"failed again": func(t *testing.T, b *bus.Bus, d bus.DeadLetter) error {
			d.Replay++
			return b.Bury(t.Context(), d)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			b := ensured(t)
			d := buried(t, b, deadLetter("k1"))
			if err := change(t, b, d); err != nil {
				t.Fatal(err)
			}
			if err := b.Replay(t.Context(), d); !errors.Is(err, bus.ErrMoved) {
				t.Errorf("got %v, want %v", err, bus.ErrMoved)
			}
			if got := replays(t, b); got != 0 {
				t.Errorf("got %d replays, want none", got)
			}
		})
	}
}

func TestAReplayThatIsSentTwiceIsTakenOnce(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	d := buried(t, b, deadLetter("k1"))
	for range 2 { // as after a crash before the mark, or with --again
		if err := b.Replay(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		d = read(t, b)[0]
	}
	if got := replays(t, b); got != 1 {
		t.Errorf("got %d replays, want 1", got)
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		replay int  // of the dead letter that is there
		marked bool // whether it is marked
		number int  // of the replay that ended
		want   int  // dead letters that stay
	}{
		"the replay of the dead letter": {0, true, 1, 0},
		"before it is marked":           {0, false, 1, 0},
		"a later replay":                {1, true, 3, 0},
		"one that the same replay left": {1, false, 1, 0},
		"one that a later replay left":  {2, true, 1, 1},
		"one that the first try left":   {0, false, 0, 0},
		"the first try, after a replay": {1, false, 0, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := ensured(t)
			d := deadLetter("k1")
			d.Replay = c.replay
			d = buried(t, b, d)
			if c.marked {
				if err := b.Replay(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Settle(t.Context(), d.Vendor, d.Type, d.Key, c.number); err != nil {
				t.Fatal(err)
			}
			if got := len(read(t, b)); got != c.want {
				t.Errorf("got %d dead letters, want %d", got, c.want)
			}
		})
	}
}

func TestSettleLeavesOtherTypesAndVendors(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, change := range []func(*bus.DeadLetter){
		func(*bus.DeadLetter) {},
		func(d *bus.DeadLetter) { d.Vendor = "other" },
		func(d *bus.DeadLetter) { d.Type = "user.deleted" },
	} {
		d := deadLetter("k1")
		change(&d)
		if err := b.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // nothing is there the second time
		if err := b.Settle(t.Context(), "acme", "user.created", "k1", 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(read(t, b)); got != 2 {
		t.Errorf("got %d dead letters, want the 2 of another vendor and another type", got)
	}
}
