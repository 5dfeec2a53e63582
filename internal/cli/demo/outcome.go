package demo

import (
	"time"

	"github.com/usherhq/usher/events"
)

// outcome is the outcome of the demo. Its JSON is the last line of --json.
type outcome struct {
	Events     int            `json:"events"`
	Published  int            `json:"published"` // with duplicates
	Effects    int            `json:"effects"`   // with a result
	Outcomes   map[string]int `json:"outcomes"`
	Lost       int            `json:"lost"`
	Waiting    int            `json:"waiting"` // facts missing for want of a dead letter's effect
	Double     int            `json:"double"`
	Unfinished int            `json:"unfinished"` // effects without a result
	Checked    int            `json:"checked"`    // facts looked up at the stand-ins
	Faults     int            `json:"faults"`     // given by the stand-ins
	Calls      int            `json:"calls"`      // made to the stand-ins
	ElapsedMS  int64          `json:"elapsed_ms"`

	vendors map[string]map[string]int // outcomes by vendor
	faults  map[string]int            // by vendor
	calls   map[string]int            // by vendor
	found   findings
}

// clean reports whether every effect was done exactly once.
func (o *outcome) clean() bool { return o.Lost == 0 && o.Double == 0 && o.Unfinished == 0 }

// outcome counts the results, and compares the data of the stand-ins with the term.
func (s *environment) outcome(expected map[Effect]bool, results map[Effect]events.Result, took time.Duration) *outcome {
	state := s.sandbox.State()
	o := &outcome{
		Events: len(s.term.events), Published: len(s.term.Published), ElapsedMS: took.Milliseconds(),
		Outcomes: map[string]int{}, vendors: map[string]map[string]int{}, faults: map[string]int{}, calls: map[string]int{},
		found: s.term.inspect(state, s.term.deadOf(results)),
	}
	for _, kind := range outcomeKinds {
		o.Outcomes[kind] = 0
	}
	for id := range expected {
		r, ok := results[id]
		if !ok {
			o.Unfinished++
			continue
		}
		o.Effects++
		o.Outcomes[r.Outcome]++
		if o.vendors[id.vendor] == nil {
			o.vendors[id.vendor] = map[string]int{}
		}
		o.vendors[id.vendor][r.Outcome]++
	}
	for name, v := range state.Vendors {
		for _, n := range v.Faults {
			o.faults[name] += n
			o.Faults += n
		}
		for _, n := range v.Calls {
			o.calls[name] += n
			o.Calls += n
		}
	}
	o.Lost, o.Waiting, o.Double, o.Checked = len(o.found.lost), len(o.found.waiting), len(o.found.double), o.found.checked
	return o
}

var outcomeKinds = []string{events.Done, events.AlreadyDone, events.Superseded, events.Unsupported, events.Skipped, events.Failed}
