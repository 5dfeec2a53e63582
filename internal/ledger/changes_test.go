package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
)

func update(key string, seq uint64) ledger.Arrival {
	m := arrival(key, seq)
	m.Type, m.Scope = "user.updated", events.ScopeUserData
	return m
}

// TestUpdatesArrive tests the rules for updates (docs/design.md, section 5). The name
// of a case begins with its rule: "4:" is rule 5.4.
func TestUpdatesArrive(t *testing.T) {
	effects := func(list ...ledger.Effect) ledger.Account { return ledger.Account{Effects: list} }
	prerequisite := func(e ledger.Effect) ledger.Effect { e.Prerequisite = true; return e }
	late := behind(arrival("b", 5), "a", 1)
	late.Stragglers[0].Scope = events.ScopeUserData
	cases := map[string]struct {
		record ledger.Account
		m      ledger.Arrival
		want   ledger.Step
	}{
		"4: one older than the account's data is superseded": {ledger.Account{State: ledger.Active, Data: at(5)}, update("a", 1), ledger.Publish},
		"4: a newer one is not":                              {ledger.Account{State: ledger.Active, Data: at(5), Life: at(9)}, update("a", 6), ledger.Proceed},
		"4: one older than the deletion is superseded":       {ledger.Account{State: ledger.Deleted, Deleted: at(5), Life: at(5)}, update("a", 1), ledger.Publish},
		"4: one between deletion and creation, which is late": {
			ledger.Account{State: ledger.Deleted, Deleted: at(5), Life: at(5), Data: at(9)}, update("a", 8), ledger.Proceed,
		},
		"4: one older than a creation that found an account":    {ledger.Account{State: ledger.Active, Life: at(5)}, update("a", 1), ledger.Proceed},
		"4: a deletion older than the data is carried out":      {ledger.Account{State: ledger.Active, Data: at(5), Life: at(1)}, arrival("a", 3), ledger.Proceed},
		"5: an update waits for an older creation":              {effects(waiting(arrival("a", 1))), update("b", 2), ledger.Wait},
		"5: and for an older update":                            {effects(waiting(update("a", 1))), update("b", 2), ledger.Wait},
		"5: not for an enrolment":                               {effects(tried(enrollment("a", 1, "go"))), update("b", 2), ledger.Proceed},
		"5: a deletion waits for an older update":               {effects(waiting(update("a", 1))), arrival("b", 2), ledger.Wait},
		"5: an enrolment waits for one":                         {effects(waiting(update("a", 1))), enrollment("b", 2, "go"), ledger.Wait},
		"5: a newer one that was tried holds up older ones":     {effects(tried(update("b", 5))), update("a", 1), ledger.Wait},
		"5: one that waits for an account holds up no creation": {effects(prerequisite(waiting(update("a", 1)))), arrival("b", 2), ledger.Proceed},
		"5: a straggler is waited for":                          {ledger.Account{}, late, ledger.Wait},
		"5: not one that would be superseded":                   {ledger.Account{Data: at(1)}, late, ledger.Proceed},
		"5: nor one that a deletion has made void":              {ledger.Account{Life: at(2), Deleted: at(2)}, late, ledger.Proceed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.record.Arrive(c.m).Step; got != c.want {
				t.Errorf("got step %v, want %v", got, c.want)
			}
		})
	}
}

// TestApply has what each kind of change leaves in the record.
func TestApply(t *testing.T) {
	courses := map[string]ledger.Course{"go": {Enrolled: true, Order: at(2)}}
	active := ledger.Account{State: ledger.Active, AccountID: "7", Life: at(1), Data: at(1), Courses: courses}
	gone := ledger.Account{State: ledger.Deleted, Former: "7", Life: at(4), Deleted: at(4), Data: at(3)}
	cases := map[string]struct {
		record ledger.Account
		m      ledger.Arrival
		change ledger.Change
		want   ledger.Account
	}{
		"an update": {
			active, update("a", 6),
			ledger.Change{State: ledger.Active, AccountID: "7", Snapshot: true, Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "7", Life: at(1), Data: at(6), Courses: courses},
		},
		"an update that the vendor cannot make": {active, update("a", 6), ledger.Change{}, active},
		"a creation that found an account": {
			active, arrival("a", 6),
			ledger.Change{State: ledger.Active, AccountID: "7", Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "7", Life: at(6), Data: at(1), Courses: courses},
		},
		"a creation of ours that found a newer account": {
			ledger.Account{State: ledger.Active, AccountID: "7", Data: at(8)},
			arrival("a", 6),
			ledger.Change{State: ledger.Active, AccountID: "7", Snapshot: true, Found: true, Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "7", Life: at(6), Data: at(8)},
		},
		"a creation of ours in place of a newer account that is gone": {
			ledger.Account{State: ledger.Active, AccountID: "7", Data: at(8)},
			arrival("a", 6),
			ledger.Change{State: ledger.Active, AccountID: "9", Snapshot: true, Found: true, Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "9", Life: at(6), Data: at(6)},
		},
		"a deletion": {
			active, arrival("a", 6),
			ledger.Change{State: ledger.Deleted, Applied: true},
			ledger.Account{State: ledger.Deleted, Former: "7", Life: at(6), Deleted: at(6), Data: at(1)},
		},
		"a deletion that comes late": {
			active, arrival("a", 1),
			ledger.Change{State: ledger.Deleted, Applied: true},
			ledger.Account{State: ledger.Deleted, Former: "7", Life: at(1), Deleted: at(1), Data: at(1), Courses: map[string]ledger.Course{"go": {Order: at(2)}}},
		},
		"a restoration": {
			gone, arrival("a", 6),
			ledger.Change{State: ledger.Active, AccountID: "7", Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "7", Former: "7", Life: at(6), Deleted: at(4), Data: at(3)},
		},
		"a restoration that the vendor cannot make": {gone, arrival("a", 6), ledger.Change{}, gone},
		"the end of an enrolment": {
			active, enrollment("a", 6, "go"),
			ledger.Change{State: ledger.Active, AccountID: "7", Applied: true},
			ledger.Account{State: ledger.Active, AccountID: "7", Life: at(1), Data: at(1), Courses: map[string]ledger.Course{"go": {Order: at(6)}}},
		},
		"the end of an enrolment of a deleted user": {
			gone, enrollment("a", 6, "go"),
			ledger.Change{Applied: true},
			ledger.Account{State: ledger.Deleted, Former: "7", Life: at(4), Deleted: at(4), Data: at(3), Courses: map[string]ledger.Course{"go": {Order: at(6)}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := c.record
			a.Effects = []ledger.Effect{tried(c.m)}
			a.Claim = &ledger.Claim{Key: "a", Carrier: c.m.Carrier, Delivery: 1, Token: "ta"}
			a.Finish("a", "ta", ledger.Outcome{Kind: "done", At: now}, c.change)
			a.Effects = nil
			if diff := cmp.Diff(c.want, a); diff != "" {
				t.Errorf("the record differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatWaitsForAnAccountHoldsUpNobody releases effects of which an earlier
// attempt may have reached the vendor, and which now find no account.
func TestWhatWaitsForAnAccountHoldsUpNobody(t *testing.T) {
	for name, c := range map[string]struct {
		m    ledger.Arrival
		want ledger.Phase
	}{
		"an update":    {update("a", 1), ledger.Waiting},
		"a deletion":   {arrival("a", 1), ledger.Waiting},
		"an enrolment": {enrollment("a", 1, "go"), ledger.Started}, // a second one of the course must not be on its way beside it
	} {
		t.Run(name, func(t *testing.T) {
			e := tried(c.m)
			e.Unsettled = true
			a := ledger.Account{Effects: []ledger.Effect{e}, Claim: &ledger.Claim{Key: "a", Token: "ta"}}
			a.Release("ta", ledger.Pause{Due: now.Add(time.Second), Prerequisite: true})
			if got := a.Effects[0].Phase; got != c.want {
				t.Errorf("got phase %s, want %s", got, c.want)
			}
		})
	}
}

func TestDoubts(t *testing.T) {
	ended := func(kind string) ledger.Effect { e := done(arrival("a", 5)); e.Outcome.Kind = kind; return e }
	for name, c := range map[string]struct {
		effect ledger.Effect
		want   bool
	}{
		"it was tried":              {tried(arrival("a", 5)), true},
		"it was tried, and failed":  {ended("failed"), true},
		"it only waits":             {waiting(arrival("a", 5)), false},
		"the vendor cannot do it":   {ended("unsupported"), false},
		"it is older":               {tried(arrival("a", 1)), false},
		"an update leaves no doubt": {tried(update("a", 5)), false},
		"it is the event's own":     {tried(arrival("d", 5)), false},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Account{Life: at(3), Effects: []ledger.Effect{c.effect}}
			if got := a.Doubts("d"); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
