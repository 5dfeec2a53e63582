//go:build !chaos_nofence && !chaos_takeover

package ledger

// Which of the rules are kept: all of them. The chaos suite builds usher without
// some, to show that it would notice.
const (
	fencing  = true // nothing older is applied after something newer (docs/design.md, rule 5.4)
	claiming = true // one effect of an account at a time, in order (docs/design.md, rules 5.1 and 5.5)
	settling = true // only the same message takes over, and waits before it calls (docs/design.md, rules 5.2 and 5.3); nobody is told meanwhile
)
