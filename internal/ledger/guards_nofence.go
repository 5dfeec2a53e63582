//go:build chaos_nofence

package ledger

// Neither fencing nor claims: a control of the chaos suite, never shipped.
const (
	fencing  = false
	claiming = false
	settling = false
)
