// Package fairness decides which work may call a vendor now. Scheduler and Slots bound the
// calls that run side by side, Pacer bounds the calls a second, Share divides a vendor's rate
// among processes, and Breaker puts a vendor on hold. No part knows NATS, records or a vendor.
//
// The package keeps one user's trouble from other users: fresh work goes first, retries
// have a share that shrinks as fresh work waits, and no class ever starves.
package fairness

import "strconv"

// Class is the kind of a piece of work at a vendor. A lower class goes first.
type Class int

// The classes, in the order of their preference.
const (
	Fresh    Class  = iota // the first attempt of a lifecycle event
	Wake                   // a retry, or work that waited for a time or a prerequisite
	Activity               // an activity event
	Classes  = iota        // the number of classes
)

// String returns the name of the class, in lower case.
func (c Class) String() string {
	switch c {
	case Fresh:
		return "fresh"
	case Wake:
		return "wake"
	case Activity:
		return "activity"
	default:
		return "class " + strconv.Itoa(int(c))
	}
}

// Counts holds a number for each class, indexed by Class.
type Counts [Classes]int

// first returns the first class with a count above zero; ok is false without one.
func (n Counts) first() (c Class, ok bool) {
	for c := range Class(Classes) {
		if n[c] > 0 {
			return c, true
		}
	}
	return Fresh, false
}

// sum returns the total over all classes.
func (n Counts) sum() int { return n[Fresh] + n[Wake] + n[Activity] }
