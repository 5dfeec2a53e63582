//go:build chaos_takeover

package record

// A control of the chaos suite, never shipped: a new owner calls at once, while the call of
// the former owner may be in flight.
const (
	Fencing      = true
	awaitsHolder = false
)
