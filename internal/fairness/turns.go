package fairness

import "time"

// Shares are counted in parts of a turn, so that no rounding error adds up.
const (
	wholeTurn  = 40
	halfTurn   = wholeTurn / 2
	eighthTurn = wholeTurn / 8
	tenthTurn  = wholeTurn / 10
)

// longWait is the time after which waiting fresh work shrinks the share of wakes.
const longWait = time.Second

// wakeParts returns the share of wakes while fresh work waits, in parts of a turn. The
// share is a half, and an eighth once fresh work has waited for long.
func wakeParts(freshFor time.Duration) int {
	if freshFor >= longWait {
		return eighthTurn
	}
	return halfTurn
}

// turns orders grants among the waiting classes. The first waiting class is granted by
// default. Each later class earns its share of a turn with every grant, and is granted
// out of order once a whole turn is earned. So no waiting class starves: a wake is granted within
// two grants (eight after a long wait of fresh work) and activity within ten, or one
// later if both are due at once.
type turns struct {
	earned Counts // parts of a turn; zero for a class that does not wait
}

// next returns the class to be granted, and accounts for the grant. waiting is the waiting
// work; at least one class must be in may, which holds the classes of it that may be granted
// now. A class that waits goes on earning meanwhile. wake is the share of wakes in parts of
// a turn.
func (t *turns) next(waiting, may Counts, wake int) Class {
	first, _ := may.first()
	parts := Counts{Wake: wake, Activity: tenthTurn}
	chosen := first
	for c := range Class(Classes) {
		switch {
		case waiting[c] == 0:
			t.earned[c] = 0
			continue
		case c == first: // keeps its claim while another class is granted out of order
			continue
		}
		t.earned[c] = min(t.earned[c]+parts[c], 2*wholeTurn)
		if may[c] > 0 && t.earned[c] >= wholeTurn {
			chosen = c
		}
	}
	t.earned[chosen] = max(0, t.earned[chosen]-wholeTurn)
	return chosen
}
