package record_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// pending returns a record with random pending effects, without a claim.
func pending(rng *rand.Rand) *record.Record {
	r := &record.Record{State: record.Active}
	types := []string{events.UserCreated, events.UserUpdated, events.EnrollmentRequested, events.EnrollmentCancelled}
	for seq := range uint64(1 + rng.IntN(6)) {
		a := arrival(seq+1, types[rng.IntN(len(types))])
		if a.Scope == events.ScopeCourse {
			a.Course = fmt.Sprint("c", rng.IntN(2))
		}
		register(r, a)
	}
	for i := range r.Pending {
		r.Pending[i].Tried, r.Pending[i].Prerequisite = rng.IntN(3) == 0, rng.IntN(3) == 0
	}
	return r
}

// TestBlockerAgreesWithNext holds both to each other: the effect that Next calls has no
// blocker, and all before it have one.
func TestBlockerAgreesWithNext(t *testing.T) {
	calls := 0
	for seed := range uint64(2000) {
		r := pending(rand.New(rand.NewPCG(seed, 0)))
		before := fmt.Sprintf("%+v", r.Pending)
		blocked := map[record.Key]bool{}
		for _, e := range r.Pending {
			_, blocked[e.Key] = record.Blocker(r, e.Key, 0)
		}
		o := owner
		o.FirstLook = -1
		d := r.Next(start, o)
		for _, e := range r.Pending {
			if d.Action == record.Call && e.Key == d.Effect.Key {
				calls++
				if blocked[e.Key] {
					t.Fatalf("seed %d: %d is called, and blocked:\n%s", seed, e.Position.Seq, before)
				}
				break
			}
			if !blocked[e.Key] {
				t.Fatalf("seed %d: %d is passed over, and not blocked:\n%s", seed, e.Position.Seq, before)
			}
		}
	}
	if calls < 1000 {
		t.Errorf("only %d records had an effect to call", calls)
	}
}

func TestBlocker(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated), arrival(2, events.EnrollmentRequested), arrival(3, events.EnrollmentCancelled))
	for seq, want := range map[uint64]uint64{1: 0, 2: 1, 3: 1} {
		if got, _ := record.Blocker(r, arrival(seq, "").Key, 0); got.Position.Seq != want {
			t.Errorf("%d: got %d, want %d", seq, got.Position.Seq, want)
		}
	}
	call(t, r, 1)
	if _, is := record.Blocker(r, arrival(1, "").Key, 0); is {
		t.Error("the claimed effect is blocked")
	}
	if got, _ := record.Blocker(r, arrival(3, "").Key, 0); got.Position != at(1) {
		t.Errorf("got %d, want the claimed effect", got.Position.Seq)
	}
	if _, is := record.Blocker(r, 99, 0); is {
		t.Error("an effect that is not pending is blocked")
	}
}
