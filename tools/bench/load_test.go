package bench

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// TestLoadsAreValid checks that usher accepts every event. Otherwise the bench would measure
// rejections.
func TestLoadsAreValid(t *testing.T) {
	check, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, load := range loads {
		ids := map[string]bool{}
		for i := range load.whole(1000) {
			e, err := load.event(i, time.Now())
			if err == nil {
				err = check.Validate(e)
			}
			if err != nil {
				t.Fatalf("%s, event %d: %v", load.Name, i, err)
			}
			ids[e.ID()] = true
			if got := number(e.ID()); got != i {
				t.Fatalf("the number of %s is %d, want %d", e.ID(), got, i)
			}
		}
		if got, want := len(ids), load.whole(1000); got != want {
			t.Errorf("%s: %d ids for %d events", load.Name, got, want)
		}
	}
}

// TestLives checks that each user's life is complete and in order.
func TestLives(t *testing.T) {
	load, err := LoadNamed("lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	n := load.whole(1500)
	lives := map[string][]string{}
	for i := range n {
		e, err := load.event(i, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		lives[events.UserID(e)] = append(lives[events.UserID(e)], e.Type())
	}
	if got := len(lives); got != load.users(n) || got != 200 {
		t.Errorf("got %d users, want 200", got)
	}
	for user := range maps.Keys(lives) {
		if diff := cmp.Diff(load.life(), lives[user]); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", user, diff)
		}
	}
	// At five vendors: a creation, three enrolments and a deletion each, and five activities at two.
	if got, want := load.results(n), 200*(5*5+5*2); got != want {
		t.Errorf("got %d results, want %d", got, want)
	}
}
