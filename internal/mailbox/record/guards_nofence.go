//go:build chaos_nofence

package record

// A control of the chaos suite, never shipped: a former owner goes on claiming, calling and
// storing outcomes.
const (
	Fencing      = false
	awaitsHolder = true
)
