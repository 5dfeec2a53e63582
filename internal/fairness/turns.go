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
// default. Each later class earns a share of a turn with every grant, and is granted out of order
// after earning a whole turn. So no waiting class starves: a wake is granted within two grants
// (eight after a long wait of fresh work) and activity within ten, or one grant later if both are
// due at once.
type turns struct {
	earned Counts // parts of a turn; zero for a class that does not wait
}

// next returns the class of the next grant, and accounts for the grant. waiting counts all
// waiting work. may counts the work that can be granted now, and must not be empty. All waiting
// classes earn shares. wake is the share of wakes in parts of a turn.
func (t *turns) next(waiting, may Counts, wake int) Class {
	first, _ := may.first()
	parts := Counts{Wake: wake, Activity: tenthTurn}
	chosen := first
	for c := range Class(Classes) {
		switch {
		case waiting[c] == 0:
			t.earned[c] = 0
			continue
		case c == first: // keeps the earned parts, and earns no more
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
