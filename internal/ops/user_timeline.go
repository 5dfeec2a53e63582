package ops

import (
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
)

// Step is a step of an event on its way, for people.
type Step struct {
	At       time.Time `json:"at"`
	Vendor   string    `json:"vendor,omitempty"` // empty for the event itself
	Step     string    `json:"step"`             // one of the steps below
	Text     string    `json:"text"`
	Attempts int       `json:"attempts,omitempty"`
	Ended    bool      `json:"ended"` // false: the step is not over

	Type    string `json:"type"`
	EventID string `json:"event_id,omitempty"`
	Key     string `json:"key"`
	Result  string `json:"result,omitempty"`
	Trace   string `json:"trace_id,omitempty"` // with traces on
	State   string `json:"state,omitempty"`    // of the effect, for StepResult
}

// The steps, in their order.
const (
	StepEvent  = "event"   // the event was read
	StepScope  = "scope"   // a rule of the team was evaluated
	StepLookUp = "look-up" // the account was looked for
	StepCall   = "call"    // the vendor was called
	StepResult = "result"  // the outcome, or the reason of the wait
	StepReplay = "replay"  // the dead letter was sent back: the steps before are repeated
)

// Timeline returns the steps of all effects, in the order of the events, by vendor within.
func (u User) Timeline() []Step {
	var list []Step
	for i, e := range u.Events {
		if i == 0 || u.Events[i-1].Key != e.Key || u.Events[i-1].Type != e.Type {
			text := e.Type
			if e.Course != "" {
				text += ", course " + e.Course
			}
			list = append(list, Step{At: u.first(i), Step: StepEvent, Text: text, Ended: true, Type: e.Type, EventID: e.EventID, Key: e.Key, Trace: e.Trace})
		}
		for _, run := range e.Runs() {
			if run.SentBack != nil {
				list = append(list, Step{
					At: run.SentBack.At, Vendor: e.Vendor, Step: StepReplay, Text: run.SentBackBy(), Ended: true, Type: e.Type, EventID: e.EventID, Key: e.Key,
				})
			}
			list = append(list, u.steps(run)...)
		}
	}
	return list
}

// first returns the time of the first registration of an event, of which Events[i] is the first effect.
func (u User) first(i int) time.Time {
	first := u.Events[i].First()
	for _, e := range u.Events[i:] {
		if e.Key != u.Events[i].Key || e.Type != u.Events[i].Type {
			break
		}
		if at := e.First(); at.Before(first) {
			first = at
		}
	}
	return first
}

// steps returns the steps of an effect behind the event.
func (u User) steps(e HistoryEvent) (list []Step) {
	began := e.Time
	if e.Last != nil {
		began = *e.Last
	}
	add := func(at time.Time, step, text string) {
		list = append(list, Step{At: at, Vendor: e.Vendor, Step: step, Text: text, Ended: true, Type: e.Type, EventID: e.EventID, Key: e.Key})
	}
	switch skipped := e.State == events.Skipped; {
	case skipped && e.Reason != handlers.ReasonShadow:
		add(began, StepScope, "the rule vendors."+e.Vendor+"."+e.Reason+" keeps the event from the vendor")
	case u.scoped[e.Vendor] && e.Ended != nil && e.Class != "rule":
		add(began, StepScope, "in scope")
	}
	switch {
	case e.MatchedBy != "":
		add(began, StepLookUp, "account found by "+e.MatchedBy)
	case e.Action == events.ActionCreated:
		add(began, StepLookUp, "no account found")
	case !e.begun.IsZero():
		add(began, StepLookUp, "no account yet")
	}
	if e.Attempts > 0 && (e.State != events.Skipped || e.Reason == handlers.ReasonShadow) {
		add(began, StepCall, number(uint64(e.Attempts), "attempt"))
		list[len(list)-1].Attempts = e.Attempts
	}
	add(began, StepResult, e.outcome())
	last := &list[len(list)-1]
	last.State, last.Result, last.Ended = e.State, e.Result, e.Ended != nil
	if e.Ended != nil {
		last.At = *e.Ended
	}
	return list
}

// outcome returns the state with step and reason in words.
func (e HistoryEvent) outcome() string {
	text := e.State
	if step := e.Step(); step != "" && e.State != events.Skipped {
		text += ": " + step
	}
	if e.Why != "" {
		text += fmt.Sprintf(": %s", e.Why)
	}
	return text
}
