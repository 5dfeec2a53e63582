//go:build chaos_takeover

package ledger

// Any delivery of the same event takes over, at once: a control of the chaos
// suite, never shipped.
const (
	fencing  = true
	claiming = true
	settling = false
)
