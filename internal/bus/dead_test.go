package bus_test

import (
	"testing"

	"github.com/usherhq/usher/internal/bus"
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
