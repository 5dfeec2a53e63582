//go:build !chaos_nofence && !chaos_takeover

package ledger

// Which of the rules are kept: all of them. The chaos suite builds usher without
// some, to show that it would notice.
const (
	fencing  = true // nothing older is applied after something newer (DESIGN 5, rule 4)
	claiming = true // one effect of an account at a time, in order (rules 1 and 5)
	settling = true // only the same message takes over, and waits before it calls (rules 2 and 3); nobody is told meanwhile
)
