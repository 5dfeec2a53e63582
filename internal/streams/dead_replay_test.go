package streams_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// added stores a dead letter, and returns the stored dead letter.
func added(t *testing.T, set *streams.Set, d streams.DeadLetter) streams.DeadLetter {
	t.Helper()
	if err := set.DeadLetters.Add(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	found, err := set.DeadLetters.Get(t.Context(), d.Vendor, d.Type, d.Key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// replays is how many messages are on their way back.
func replays(t *testing.T, set *streams.Set) uint64 {
	t.Helper()
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.ReplaysStream)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestReplayCarriesTheFirstOrderAndMarksTheDeadLetter(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	if err := set.DeadLetters.Replay(t.Context(), added(t, set, deadLetter("k1"))); err != nil {
		t.Fatal(err)
	}
	d, err := set.DeadLetters.Get(t.Context(), "acme", "user.created", "k1")
	if err != nil || d.Replaying != 1 || d.Replay != 0 || time.Since(d.ReplayedAt) > time.Minute {
		t.Errorf("got %+v (%v), want it marked as being replayed", d, err)
	}
	m, err := set.Replays.Get(t.Context(), 1)
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
	got, _ := streams.ReadReplayHeader(m.Header)
	if diff := cmp.Diff(streams.ReplayHeader{Key: "k1", Epoch: 1, Seq: 42, Number: 1}, got); diff != "" {
		t.Errorf("the replay differs (-want +got):\n%s", diff)
	}
}

// A header of the producer becomes no header of the replay, unless the event needs the header.
func TestReplayCarriesOnlyTheHeadersOfTheEvent(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	d := deadLetter("k1")
	d.Header = map[string][]string{
		"Usher-Repair": {"5"}, "usher-repair": {"5"}, "Usher-Class": {"again"}, "Nats-TTL": {"1s"}, "X-Note": {"x"},
		"ce-id": {"1"}, "CE-Source": {"/school"}, "content-type": {"application/json"}, "traceparent": {"00"}, "Tracestate": {"a=b"},
	}
	want := map[string][]string{
		"ce-id": {"1"}, "CE-Source": {"/school"}, "content-type": {"application/json"}, "traceparent": {"00"}, "Tracestate": {"a=b"},
	}
	d = added(t, set, d)
	if diff := cmp.Diff(want, d.Header); diff != "" {
		t.Errorf("the headers of the dead letter differ (-want +got):\n%s", diff)
	}
	d.Header["Usher-Repair"] = []string{"5"} // in a dead letter of a former version
	_, header := d.AsReplay()
	if got, ok := streams.ReadReplayHeader(header); !ok || got.Repair != "" {
		t.Errorf("got the repair of account %q, want none", got.Repair)
	}
	for _, ours := range []string{"Usher-Key", "Usher-Epoch", "Usher-Seq", "Usher-Replay", "Usher-Stored", nats.MsgIdHdr} {
		delete(header, ours)
	}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("the headers of the replay differ (-want +got):\n%s", diff)
	}
}

// The replay of a failed repair is a repair.
func TestReplayOfAFailedRepair(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	d := deadLetter("k1")
	d.Repair = "5"
	_, header := added(t, set, d).AsReplay()
	if got, ok := streams.ReadReplayHeader(header); !ok || got.Repair != "5" {
		t.Errorf("got the repair of account %q, want 5", got.Repair)
	}
}

// The mapping of a web hook may need any header of a delivery, but none of NATS or Usher.
func TestHeadersOfADelivery(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	d := deadLetter("k1")
	d.Epoch, d.Seq = 0, 0
	d.Header = map[string][]string{"X-Github-Event": {"push"}, "Usher-Repair": {"5"}, "Nats-Msg-Id": {"x"}}
	if diff := cmp.Diff(map[string][]string{"X-Github-Event": {"push"}}, added(t, set, d).Header); diff != "" {
		t.Errorf("the headers differ (-want +got):\n%s", diff)
	}
}

func TestReplayOfWhatHasChangedSendsNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*testing.T, *streams.Set, streams.DeadLetter) error{
		"dropped": func(t *testing.T, set *streams.Set, d streams.DeadLetter) error {
			return set.DeadLetters.Remove(t.Context(), d)
		},
		"failed again": func(t *testing.T, set *streams.Set, d streams.DeadLetter) error {
			d.Replay++
			return set.DeadLetters.Add(t.Context(), d)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			set := newSet(t)
			d := added(t, set, deadLetter("k1"))
			if err := change(t, set, d); err != nil {
				t.Fatal(err)
			}
			if err := set.DeadLetters.Replay(t.Context(), d); !errors.Is(err, streams.ErrStaleRevision) {
				t.Errorf("got %v, want %v", err, streams.ErrStaleRevision)
			}
			if got := replays(t, set); got != 0 {
				t.Errorf("got %d replays, want none", got)
			}
		})
	}
}

func TestAReplayThatIsSentTwiceIsTakenOnce(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	d := added(t, set, deadLetter("k1"))
	for range 2 { // as after a crash before the mark, or with --again
		if err := set.DeadLetters.Replay(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		d = read(t, set)[0]
	}
	if got := replays(t, set); got != 1 {
		t.Errorf("got %d replays, want 1", got)
	}
}

func TestRemoveEnded(t *testing.T) {
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
			set := newSet(t)
			d := deadLetter("k1")
			d.Replay = c.replay
			d = added(t, set, d)
			if c.marked {
				if err := set.DeadLetters.Replay(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			if err := set.DeadLetters.RemoveEnded(t.Context(), d.Vendor, d.Type, d.Key, c.number); err != nil {
				t.Fatal(err)
			}
			if got := len(read(t, set)); got != c.want {
				t.Errorf("got %d dead letters, want %d", got, c.want)
			}
		})
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ replay, number, want int }{
		"the replay of the dead letter": {0, 1, 1},
		"a later replay":                {1, 3, 3},
		"one that a later replay left":  {2, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			set := newSet(t)
			d := deadLetter("k1")
			d.Replay = c.replay
			d = added(t, set, d)
			if err := set.DeadLetters.Replay(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := set.DeadLetters.Reopen(t.Context(), d.Vendor, d.Type, d.Key, c.number); err != nil {
					t.Fatal(err)
				}
			}
			got := read(t, set)
			if len(got) != 1 || got[0].Replay != c.want || (got[0].Replaying > 0) != (c.number < c.replay) || string(got[0].Payload) != string(d.Payload) {
				t.Errorf("got %+v", got)
			}
		})
	}
	set := newSet(t)
	if err := set.DeadLetters.Reopen(t.Context(), "acme", "user.created", "none", 1); err != nil || len(read(t, set)) != 0 {
		t.Errorf("without a dead letter: %v", err)
	}
}

func TestRemoveEndedLeavesOtherTypesAndVendors(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for _, change := range []func(*streams.DeadLetter){
		func(*streams.DeadLetter) {},
		func(d *streams.DeadLetter) { d.Vendor = "other" },
		func(d *streams.DeadLetter) { d.Type = "user.deleted" },
	} {
		d := deadLetter("k1")
		change(&d)
		if err := set.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // nothing is there the second time
		if err := set.DeadLetters.RemoveEnded(t.Context(), "acme", "user.created", "k1", 1); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(read(t, set)); got != 2 {
		t.Errorf("got %d dead letters, want the 2 of another vendor and another type", got)
	}
}

func TestReadReplayTakesNothingElse(t *testing.T) {
	for name, header := range map[string]map[string][]string{
		"none":     nil,
		"no key":   {"Usher-Epoch": {"1"}, "Usher-Seq": {"2"}, "Usher-Replay": {"1"}},
		"no count": {"Usher-Key": {"k"}, "Usher-Epoch": {"1"}, "Usher-Seq": {"2"}},
		"garbage":  {"Usher-Key": {"k"}, "Usher-Epoch": {"one"}, "Usher-Seq": {"2"}, "Usher-Replay": {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := streams.ReadReplayHeader(header); ok {
				t.Error("it was taken for a replay")
			}
		})
	}
}

// A replay stores the dead letter anew. The limit of one message for each subject removes the first
// version, and nats-server writes no trace of such a removal.
func TestARemovedDeadLetterStaysAwayAfterAKillOfTheServer(t *testing.T) {
	e := start(t)
	set := natstest.Ensure(t, e.js.Conn(), layout)
	for name, d := range map[string]streams.DeadLetter{"effect": deadLetter("k1"), "left": deadLetter("k2"), "again": deadLetter("k3")} {
		d = added(t, set, d)
		if name == "left" {
			continue
		}
		check(t, set.DeadLetters.Replay(t.Context(), d))
		check(t, set.DeadLetters.RemoveEnded(t.Context(), d.Vendor, d.Type, d.Key, 1))
		if name == "again" { // fails in a second life
			d.Replay = 2
			check(t, set.DeadLetters.Remove(t.Context(), added(t, set, d)))
		}
	}
	for _, moment := range []string{"before the kill", "after the kill"} {
		got := read(t, set)
		if len(got) != 1 || got[0].Key != "k2" {
			t.Errorf("%s: got %+v, want the dead letter k2 only", moment, got)
		}
		counts, err := set.DeadLetters.Counts(t.Context())
		check(t, err)
		if len(counts) != 1 || counts[0].Count != 1 {
			t.Errorf("%s: got counts %+v, want one dead letter", moment, counts)
		}
		if moment == "before the kill" {
			e.kill()
			until(t, "the server answers", func() bool {
				_, err := set.Client.Extent(t.Context(), streams.DeadLettersStream)
				return err == nil
			})
		}
	}
}

func TestADeadLetterOfAnEventFollowsARemovedOne(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t, natsconn.EmbeddedOptions{})
	set := natstest.Ensure(t, natstest.Connect(t, server), layout)
	d := deadLetter("k1")
	d.Vendor = streams.EventPlace
	check(t, set.DeadLetters.AddEvent(t.Context(), d))
	check(t, set.DeadLetters.Remove(t.Context(), read(t, set)[0]))
	d.Replay = 1
	check(t, set.DeadLetters.AddEvent(t.Context(), d))
	if got := read(t, set); len(got) != 1 || got[0].Replay != 1 {
		t.Errorf("got %+v, want the dead letter of the replay", got)
	}
}
