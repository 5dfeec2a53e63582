// Package notify sends problems to people by signed web hooks: one message for each problem, and
// further messages no more often than once in an interval, over all processes
// (docs/decisions, 0221).
package notify

import (
	"cmp"
	"slices"
	"time"
)

// The kinds of problems.
const (
	Hold        = "hold"        // the breaker of a vendor is open
	Credentials = "credentials" // a vendor refuses the credentials
	VendorFails = "failing"     // several users of a vendor fail, and none succeeds
	Dead        = "dead"        // dead letters of one cause
	Deletions   = "deletions"   // the deletion guard holds deletions
	Lag         = "lag"         // events of a vendor wait too long
	Storage     = "storage"     // a stream or bucket is nearly full
)

// Kinds returns the kinds of problems.
func Kinds() []string { return []string{Hold, Credentials, VendorFails, Dead, Deletions, Lag, Storage} }

// Problem is a state that needs a person. No field has personal data, secrets or texts of vendors.
type Problem struct {
	Kind   string
	Key    string    // stable, within the kind: a vendor, a stream, a cause of dead letters
	Vendor string    // empty: no single vendor
	Text   string    // one sentence
	Count  int       // of dead letters or waiting events; zero: nothing is counted
	Since  time.Time // zero: unknown
}

func (p Problem) cause() string { return p.Kind + "." + p.Key }

// sorted returns the problems in the order of their causes.
func sorted(list []Problem) []Problem {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Problem) int { return cmp.Compare(a.cause(), b.cause()) })
	return list
}

// advice is the remedy of a kind, and the section of the runbook.
var advice = map[string]struct{ do, section string }{
	Hold:        {"Run usher status: it names the failure. Usher checks the vendor by itself, and goes on after a good check; no event is lost.", "ushervendoronhold"},
	Credentials: {"Renew the credentials of the vendor in their file or in usher.yaml: usher serve reads them again at its next check.", "ushervendoronhold"},
	VendorFails: {"Run usher status: it names the last error, and since when nobody has succeeded. Usher repeats each try; no event is lost.", "ushervendorfailing"},
	Dead:        {"Run usher dead list --by cause, mend the cause, then run usher dead replay.", "usherdeadletters"},
	Deletions:   {"Run usher approve deletions --list, then approve the deletions, or drop them.", "held-deletions"},
	Lag:         {"Run usher status: does a process serve the vendor, and is the vendor slow?", "usherbackloggrows"},
	Storage:     {"Raise nats.storage or the limit of the stream, or shorten its age: a full stream takes no message.", "usherstreamfilling"},
}

// Section returns the anchor of the section of the runbook about a kind of problems.
func Section(kind string) string { return advice[kind].section }
