//go:build !chaos_nofence && !chaos_takeover

package record

// The controls of the chaos suite leave out a rule, to show that the suite notices
// (docs/design.md, rule 5.3).
const (
	// Fencing: a former owner steps down and calls nobody, and the outcomes give way to the
	// claim of the newer owner.
	Fencing = true
	// awaitsHolder: after a takeover nothing is called until no call of the former owner can
	// be in flight.
	awaitsHolder = true
)
