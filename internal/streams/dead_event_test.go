package streams_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// processes returns the streams as n processes see them.
func processes(t *testing.T, n int) (list []*streams.Set) {
	t.Helper()
	server := natstest.Start(t, natsconn.EmbeddedOptions{})
	list = append(list, natstest.Ensure(t, natstest.Connect(t, server), layout))
	for len(list) < n {
		list = append(list, streams.NewSet(natstest.Client(t, natstest.Connect(t, server)), layout.Events))
	}
	return list
}

// extent returns the number of dead letters, and of those stored ever.
func extent(t *testing.T, set *streams.Set) (stored, ever uint64) {
	t.Helper()
	at, err := set.Client.Extent(t.Context(), streams.DeadLettersStream)
	check(t, err)
	return at.Messages, at.Last
}

// The vendors of all processes refuse an event: one dead letter is stored, and stored once.
func TestOneDeadLetterOfAnEvent(t *testing.T) {
	t.Parallel()
	list := processes(t, 3)
	var vendors sync.WaitGroup
	for i := range 15 {
		vendors.Go(func() {
			d := deadLetter("k1")
			d.Vendor = fmt.Sprint("v", i)
			if err := list[i%len(list)].DeadLetters.AddEvent(t.Context(), d); err != nil {
				t.Error(err)
			}
		})
	}
	vendors.Wait()
	if stored, ever := extent(t, list[0]); stored != 1 || ever != 1 {
		t.Errorf("got %d dead letters, %d stored ever, want 1 and 1", stored, ever)
	}
	if got := read(t, list[0]); got[0].ID() != "events.k1" || !got[0].OfEvent() {
		t.Errorf("got %s", got[0].ID())
	}
}

// A process that reads the event late stores no second dead letter once the first was dropped, and a
// failed replay stores the dead letter anew, with its number.
func TestDeadLetterOfAnEventAfterTheFirst(t *testing.T) {
	t.Parallel()
	list := processes(t, 2)
	check(t, list[0].DeadLetters.AddEvent(t.Context(), deadLetter("k1")))
	check(t, list[0].DeadLetters.Remove(t.Context(), read(t, list[0])[0]))
	for _, late := range list {
		check(t, late.DeadLetters.AddEvent(t.Context(), deadLetter("k1")))
	}
	if got := read(t, list[0]); len(got) != 0 {
		t.Errorf("got %+v, want that a dropped one stays away", got)
	}
	again := deadLetter("k1")
	again.Replay = 2
	for _, one := range list {
		check(t, one.DeadLetters.AddEvent(t.Context(), again))
	}
	again.Replay = 1 // of a slow vendor
	check(t, list[1].DeadLetters.AddEvent(t.Context(), again))
	if got := read(t, list[0]); len(got) != 1 || got[0].Replay != 2 {
		t.Errorf("got %+v, want replay 2", got)
	}
}

// A newer failed replay replaces the dead letter of an older one.
func TestDeadLetterOfAnEventIsReplacedByANewerReplay(t *testing.T) {
	t.Parallel()
	list := processes(t, 2)
	for number, set := range list {
		d := deadLetter("k1")
		d.Replay = number
		check(t, set.DeadLetters.AddEvent(t.Context(), d))
	}
	if got := read(t, list[0]); len(got) != 1 || got[0].Replay != 1 {
		t.Errorf("got %+v, want replay 1", got)
	}
}

// Every vendor gets the event, at its first position, and the dead letter leaves.
func TestReplayEvent(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	check(t, set.DeadLetters.AddEvent(t.Context(), deadLetter("k1")))
	d := read(t, set)[0]
	check(t, set.DeadLetters.ReplayEvent(t.Context(), d, []string{"acme", "lms"}))
	got := map[string]streams.ReplayHeader{}
	for r, err := range set.Replays.List(t.Context(), "") {
		check(t, err)
		got[r.Vendor] = r.Header
		if want := "events.k1"; r.Message.Header[nats.MsgIdHdr][0] == want {
			t.Errorf("the replays of all vendors have one message id")
		}
	}
	want := streams.ReplayHeader{Key: "k1", Epoch: 1, Seq: 42, Number: 1, All: true}
	if diff := cmp.Diff(map[string]streams.ReplayHeader{"acme": want, "lms": want}, got); diff != "" {
		t.Errorf("replays (-want +got)\n%s", diff)
	}
	if left := read(t, set); len(left) != 0 {
		t.Errorf("got %+v", left)
	}
	if err := set.DeadLetters.ReplayEvent(t.Context(), d, []string{"acme"}); !errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("got %v, want that nothing was sent", err)
	}
	if _, err := set.DeadLetters.Get(t.Context(), streams.EventPlace, events.UserCreated, "k1"); !errors.Is(err, streams.ErrNoDeadLetter) {
		t.Errorf("got %v", err)
	}
}

// A dead letter that waited for an account is sent back once, and never behind the back of a person.
func TestReplayWaiting(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for name, change := range map[string]func(*streams.DeadLetter){
		"waits":     func(*streams.DeadLetter) {},
		"replayed":  func(d *streams.DeadLetter) { d.Replay = 1 },
		"replaying": func(d *streams.DeadLetter) { d.Replaying = 1 },
	} {
		d := deadLetter(name)
		change(&d)
		check(t, set.DeadLetters.Add(t.Context(), d))
	}
	sent := map[string]int{}
	for range 2 {
		for _, key := range []string{"waits", "replayed", "replaying", "dropped"} {
			ok, err := set.DeadLetters.ReplayWaiting(t.Context(), "acme", events.UserCreated, key)
			check(t, err)
			if ok {
				sent[key]++
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"waits": 1}, sent); diff != "" {
		t.Errorf("sent (-want +got)\n%s", diff)
	}
	for r, err := range set.Replays.List(t.Context(), "") {
		check(t, err)
		if !r.Header.Automatic || r.Header.All || r.Header.Number != 1 {
			t.Errorf("got %+v", r.Header)
		}
	}
	if d, err := set.DeadLetters.Get(t.Context(), "acme", events.UserCreated, "waits"); err != nil || d.Replaying != 1 {
		t.Errorf("got %+v, %v", d, err)
	}
}
