package demo

import (
	"testing"
	"time"
)

// A missing fact is a loss, unless a dead letter of the user at the vendor waits.
func TestDeadLettersAreNoLoss(t *testing.T) {
	f := findings{dead: map[userAt]bool{{"lead", "p1"}: true}}
	f.fact(userAt{"lead", "p1"}, false, "waits")
	f.fact(userAt{"lead", "p1"}, true, "holds")
	f.fact(userAt{"lead", "p2"}, false, "another user")
	f.fact(userAt{"meiro", "p1"}, false, "another vendor")
	if f.checked != 4 || len(f.waiting) != 1 || len(f.lost) != 2 {
		t.Errorf("got %+v", f)
	}
}

func TestTimeoutGrowsWithTheBacklog(t *testing.T) {
	if timeout(-1) != resultTimeout || timeout(30_000) < 10*time.Minute {
		t.Errorf("got %s and %s", timeout(-1), timeout(30_000))
	}
}

func TestPace(t *testing.T) {
	for pace, ok := range map[float64]bool{0: true, 5: true, -1: false} {
		if err := (Cmd{Events: 1, Pace: pace}).Validate(); (err == nil) != ok {
			t.Errorf("--pace %g: got %v", pace, err)
		}
	}
}
