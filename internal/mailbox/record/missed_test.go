package record

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
)

// A record notes dead letters up to a bound, no replay, and none once the account is there.
func TestMiss(t *testing.T) {
	var r Record
	for i := range mostMissed + 10 {
		r.Miss(&Effect{Type: events.EnrollmentRequested}, fmt.Sprint("k", i))
		r.Miss(&Effect{Type: events.EnrollmentRequested}, fmt.Sprint("k", i))
	}
	if len(r.Missed) != mostMissed {
		t.Errorf("got %d, want %d", len(r.Missed), mostMissed)
	}
	other := Record{}
	other.Miss(&Effect{Type: events.EnrollmentRequested, Replay: 1}, "k")
	active := Record{State: Active}
	active.Miss(&Effect{Type: events.EnrollmentRequested}, "k")
	if len(other.Missed)+len(active.Missed) > 0 || r.HasReturns() {
		t.Errorf("got %v, %v", other.Missed, active.Missed)
	}
	r.State = Active
	if !r.HasReturns() {
		t.Error("the account has come")
	}
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if read, err := Decode(encoded); err != nil || !cmp.Equal(read.Missed, r.Missed) {
		t.Errorf("got %v, %v after a store", read, err)
	}
	first, number := r.Missed[0], len(r.Missed)
	r.PostponeMissed(first)
	if len(r.Missed) != number || r.Missed[number-1] != first {
		t.Errorf("got %v after a postponement of %s", r.Missed, first)
	}
	r.PostponeMissed("other") // is not there
	slices.Sort(r.Missed)
	r.RemoveMissed(r.Missed[1:])
	if want := []string{events.EnrollmentRequested + ".k0"}; !cmp.Equal(r.Missed, want) {
		t.Errorf("got %v, want %v", r.Missed, want)
	}
	r.RemoveMissed(r.Missed)
	if r.HasReturns() {
		t.Errorf("got %v", r.Missed)
	}
}
