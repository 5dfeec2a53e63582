//go:build !chaos_nofence && !chaos_takeover

package record

// The rules that a control of the chaos suite leaves out, to show that the suite would notice
// (docs/design.md, rule 5.3).
const (
	// Fencing: a former owner steps down and calls nobody, and its outcomes give way to the
	// claim of the newer owner.
	Fencing = true
	// awaitsHolder: after a takeover nothing is called until no call of the former owner can
	// be on its way.
	awaitsHolder = true
)
