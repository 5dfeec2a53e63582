package record_test

import (
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// An attempt that the rules let disable or delete the account leaves a doubt unless the attempt is
// known to have ended. Only a confirmed outcome of another account-wide effect ends the doubt.
func TestDoubtOfRemoval(t *testing.T) {
	removing := owner
	removing.Removes = func(eventType string) bool { return eventType == events.UserDeleted }
	next := record.Owner{Token: 4, Nonce: "n2", HolderGone: start.Add(5 * time.Second), CallsAllowed: true}
	lost := record.Pause{Due: start.Add(time.Second), Unconfirmed: true}
	refused := record.Outcome{Kind: events.Failed, Class: "permanent", At: start}
	for name, c := range map[string]struct {
		owner record.Owner
		end   func(r *record.Record, a record.Attempt)
		want  bool
	}{
		"a lost answer":           {removing, func(r *record.Record, a record.Attempt) { r.Postpone(a, lost) }, true},
		"a takeover":              {removing, func(r *record.Record, _ record.Attempt) { r.Next(start, next) }, true},
		"an unconfirmed failure":  {removing, func(r *record.Record, a record.Attempt) { r.Finish(a, refused, record.Change{Unconfirmed: true}) }, true},
		"a refusal":               {removing, func(r *record.Record, a record.Attempt) { r.Finish(a, refused, record.Change{}) }, false},
		"a pause before the call": {removing, func(r *record.Record, a record.Attempt) { r.Postpone(a, record.Pause{Due: start}) }, false},
		"the deletion":            {removing, func(r *record.Record, a record.Attempt) { r.Postpone(a, lost); finish(r, removed) }, false},
		"a rule skips the retry": {removing, func(r *record.Record, a record.Attempt) {
			r.Postpone(a, lost)
			finish(r, record.Change{Confirmed: true})
		}, false},
		"an unjudged end":            {removing, func(r *record.Record, a record.Attempt) { r.Postpone(a, lost); finish(r, record.Change{}) }, true},
		"rules that remove no one":   {owner, func(r *record.Record, a record.Attempt) { r.Postpone(a, lost) }, false},
		"rules without, at takeover": {owner, func(r *record.Record, _ record.Attempt) { r.Next(start, next) }, false},
	} {
		r := &record.Record{State: record.Active, AccountID: "7", Lifecycle: at(1)}
		register(r, arrival(2, events.UserDeleted))
		d := r.Next(start, c.owner)
		if d.Action != record.Call {
			t.Fatalf("%s: got action %d", name, d.Action)
		}
		c.end(r, record.Attempt{Key: d.Effect.Key, Nonce: c.owner.Nonce})
		if r.PerhapsRemoved != c.want {
			t.Errorf("%s: got %v", name, r.PerhapsRemoved)
		}
	}
}

// finish makes one further attempt, without the right to remove, and ends it.
func finish(r *record.Record, c record.Change) {
	again := owner
	again.Nonce = "n3"
	d := r.Next(start.Add(time.Minute), again)
	r.Finish(record.Attempt{Key: d.Effect.Key, Nonce: again.Nonce}, record.Outcome{Kind: events.Skipped, At: start}, c)
}
