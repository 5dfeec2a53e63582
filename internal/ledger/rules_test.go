package ledger_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
)

var now = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)

func at(seq uint64) ledger.Order { return ledger.Order{Epoch: 1, Seq: seq} }

func carrier(seq uint64) ledger.Carrier { return ledger.Carrier{Stream: "EVENTS", Order: at(seq)} }

// arrival is a lifecycle message at seq, for the first time.
func arrival(key string, seq uint64) ledger.Arrival {
	return ledger.Arrival{
		UserID: "u1", Key: key, Type: "user.created", Scope: events.ScopeLifecycle, Order: at(seq), Carrier: carrier(seq),
		Delivery: 1, Token: "t" + key, Now: now, Keep: 48 * time.Hour,
	}
}

func enrollment(key string, seq uint64, course string) ledger.Arrival {
	m := arrival(key, seq)
	m.Type, m.Scope, m.Course = "enrollment.requested", events.ScopeCourse, course
	return m
}

// waiting, tried and done are effects as the record may hold them.
func waiting(m ledger.Arrival) ledger.Effect {
	return ledger.Effect{Key: m.Key, Type: m.Type, Scope: m.Scope, Course: m.Course, Order: m.Order, Carrier: m.Carrier, Phase: ledger.Waiting, First: now}
}

func tried(m ledger.Arrival) ledger.Effect {
	e := waiting(m)
	e.Phase, e.Attempts, e.Last = ledger.Started, 1, now
	return e
}

func done(m ledger.Arrival) ledger.Effect {
	e := tried(m)
	e.Phase, e.Outcome = ledger.Finished, &ledger.Outcome{Kind: "done", At: now, By: "other"}
	return e
}

func claimed(m ledger.Arrival, delivery uint64) *ledger.Claim {
	return &ledger.Claim{Key: m.Key, Carrier: m.Carrier, Delivery: delivery, Token: "other"}
}

func with(m ledger.Arrival, change func(*ledger.Arrival)) ledger.Arrival {
	change(&m)
	return m
}

// behind is m with a straggler before it.
func behind(m ledger.Arrival, key string, seq uint64) ledger.Arrival {
	m.Stragglers = []ledger.Straggler{{Key: key, Type: "user.created", Scope: events.ScopeLifecycle, Carrier: carrier(seq)}}
	return m
}

// TestArrive tests the rules for an incoming message (docs/design.md, section 5). The
// name of a case begins with its rule: "4:" is rule 5.4, "6.2:" is rule 6.2.
func TestArrive(t *testing.T) {
	prerequisite := func(e ledger.Effect) ledger.Effect { e.Prerequisite = true; return e }
	later := func(e ledger.Effect) ledger.Effect { e.Attempts = 3; return e }
	due := func(e ledger.Effect, d time.Duration) ledger.Effect { e.Due = now.Add(d); return e }
	cases := map[string]struct {
		record ledger.Account
		m      ledger.Arrival
		want   ledger.Step
	}{
		"1: a new event is claimed": {ledger.Account{}, arrival("a", 1), ledger.Proceed},
		"1: another event of the user waits while one is claimed": {
			ledger.Account{Effects: []ledger.Effect{tried(enrollment("a", 1, "go"))}, Claim: claimed(enrollment("a", 1, "go"), 1)}, arrival("b", 2), ledger.Wait,
		},
		"2: a duplicate of an unfinished event is dismissed": {
			ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1))}}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Carrier = carrier(9) }), ledger.Dismiss,
		},
		"2: a carrier of a stream that was made anew is gone": {
			ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1))}}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Carrier.Epoch = 2 }), ledger.Proceed,
		},
		"3: the same message, delivered again, takes over": {
			ledger.Account{Effects: []ledger.Effect{tried(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 1)}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Delivery = 2 }), ledger.Settle,
		},
		"3: an older delivery is dropped": {
			ledger.Account{Effects: []ledger.Effect{tried(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 3)}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Delivery = 2 }), ledger.Drop,
		},
		"4: a late creation is superseded by the deletion":      {ledger.Account{Life: at(5), Deleted: at(5), State: ledger.Deleted}, arrival("a", 1), ledger.Publish},
		"4: a newer creation is a re-creation":                  {ledger.Account{Life: at(5), Deleted: at(5), State: ledger.Deleted}, arrival("a", 6), ledger.Proceed},
		"4: an enrolment older than the deletion is superseded": {ledger.Account{Life: at(5), Deleted: at(5)}, enrollment("a", 1, "go"), ledger.Publish},
		"4: an enrolment older than its course's is superseded": {
			ledger.Account{Courses: map[string]ledger.Course{"go": {Enrolled: true, Order: at(5)}}}, enrollment("a", 1, "go"), ledger.Publish,
		},
		"4: an enrolment older than the creation is not":     {ledger.Account{Life: at(5), State: ledger.Active}, enrollment("a", 1, "go"), ledger.Proceed},
		"4: an event whose time is up is superseded":         {ledger.Account{}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Expired = true }), ledger.Publish},
		"5: an effect waits for an older lifecycle effect":   {ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1))}}, enrollment("b", 2, "go"), ledger.Wait},
		"5: and for an older one of its course":              {ledger.Account{Effects: []ledger.Effect{waiting(enrollment("a", 1, "go"))}}, enrollment("b", 2, "go"), ledger.Wait},
		"5: not for one of another course":                   {ledger.Account{Effects: []ledger.Effect{waiting(enrollment("a", 1, "go"))}}, enrollment("b", 2, "c"), ledger.Proceed},
		"5: a lifecycle effect never waits for an enrolment": {ledger.Account{Effects: []ledger.Effect{tried(enrollment("a", 1, "go"))}}, arrival("b", 2), ledger.Proceed},
		"5: one that waits for a prerequisite holds up nobody": {
			ledger.Account{Effects: []ledger.Effect{prerequisite(waiting(enrollment("a", 1, "go")))}}, enrollment("b", 2, "go"), ledger.Proceed,
		},
		"5: nor does one that only looked go before one that was tried": {
			ledger.Account{Effects: []ledger.Effect{tried(enrollment("a", 1, "go")), later(waiting(enrollment("b", 2, "go")))}}, enrollment("b", 2, "go"), ledger.Wait,
		},
		"5: a newer lifecycle effect that was tried holds up older ones": {ledger.Account{Effects: []ledger.Effect{tried(arrival("b", 5))}}, arrival("a", 1), ledger.Wait},
		"5: a newer one of its course that was tried does too":           {ledger.Account{Effects: []ledger.Effect{tried(enrollment("b", 5, "go"))}}, enrollment("a", 1, "go"), ledger.Wait},
		"5: one that was not tried does not":                             {ledger.Account{Effects: []ledger.Effect{waiting(arrival("b", 5))}}, arrival("a", 1), ledger.Proceed},
		"5: once tried, an effect waits for no older one": {
			ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1)), tried(arrival("b", 5))}}, arrival("b", 5), ledger.Proceed,
		},
		"5: a straggler before it is waited for":         {ledger.Account{}, behind(arrival("b", 5), "a", 1), ledger.Wait},
		"5: an enrolment waits for one too":              {ledger.Account{}, behind(enrollment("b", 5, "go"), "a", 1), ledger.Wait},
		"5: not for one that would be superseded anyway": {ledger.Account{Life: at(3)}, behind(arrival("b", 5), "a", 1), ledger.Proceed},
		"5: not for one that is finished":                {ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}}, behind(arrival("b", 5), "a", 1), ledger.Proceed},
		"6.2: what is not due yet is sent back to wait":  {ledger.Account{Effects: []ledger.Effect{due(tried(arrival("a", 1)), time.Hour)}}, arrival("a", 1), ledger.Wait},
		"6.4: nothing is begun at a vendor on hold":      {ledger.Account{}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Held = now.Add(time.Minute) }), ledger.Wait},
		"8: a finished event is told again":              {ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}}, arrival("a", 1), ledger.Publish},
		"8: not while a newer delivery holds the claim": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 7)}, arrival("a", 1), ledger.Drop,
		},
		"8: a claim that an older delivery holds is taken over first": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 1)}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Delivery = 2 }), ledger.Settle,
		},
		"8: a duplicate waits as long as there is a claim": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 1)}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Carrier = carrier(9) }), ledger.Wait,
		},
		"8: not for one of a stream that was made anew": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 1)}, with(arrival("a", 1), func(m *ledger.Arrival) { m.Carrier.Epoch = 2 }), ledger.Settle,
		},
		"12: an event of another type is not the same one": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}}, with(arrival("a", 2), func(m *ledger.Arrival) { m.Type = "user.deleted" }), ledger.Refuse,
		},
		"9: a replay of a finished effect is a new one": {
			ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}},
			with(arrival("a", 1), func(m *ledger.Arrival) { m.Replay, m.Carrier.Stream = 1, "REPLAYS" }), ledger.Proceed,
		},
		"9: a replay of an overtaken effect is superseded": {
			ledger.Account{Life: at(5), Effects: []ledger.Effect{done(arrival("a", 1))}},
			with(arrival("a", 1), func(m *ledger.Arrival) { m.Replay, m.Carrier.Stream = 1, "REPLAYS" }), ledger.Publish,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.record.Arrive(c.m).Step; got != c.want {
				t.Errorf("got step %v, want %v", got, c.want)
			}
		})
	}
}

func TestWhoeverWaitsIsRegistered(t *testing.T) {
	a := ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1))}}
	a.Arrive(enrollment("b", 2, "go"))
	if got, want := len(a.Effects), 2; got != want {
		t.Errorf("got %d effects, want %d", got, want)
	}
}

// TestAStragglerIsRegistered lets the straggler come after it was registered: it
// carries its effect itself, before the one that waits for it.
func TestAStragglerIsRegistered(t *testing.T) {
	var a ledger.Account
	later := behind(arrival("b", 5), "a", 1)
	steps := []ledger.Step{
		a.Arrive(later).Step, a.Arrive(later).Step,
		a.Arrive(arrival("a", 1)).Step,
	}
	if diff := cmp.Diff([]ledger.Step{ledger.Wait, ledger.Wait, ledger.Proceed}, steps); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, want := len(a.Effects), 2; got != want {
		t.Errorf("got %d effects, want %d", got, want)
	}
}

func TestWhoeverIsHeldIsRegistered(t *testing.T) {
	var a ledger.Account
	a.Arrive(with(arrival("a", 1), func(m *ledger.Arrival) { m.Held = now.Add(time.Minute) }))
	if got, want := len(a.Effects), 1; got != want {
		t.Errorf("got %d effects, want %d", got, want)
	}
}

func TestADuplicateLowersTheOrderOfWhatWasNotTried(t *testing.T) {
	for name, c := range map[string]struct {
		effect ledger.Effect
		want   uint64
	}{
		"not tried": {waiting(arrival("a", 5)), 2},
		"tried":     {tried(arrival("a", 5)), 5},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Account{Effects: []ledger.Effect{c.effect}}
			a.Arrive(arrival("a", 2))
			if got := a.Effects[0].Order.Seq; got != c.want {
				t.Errorf("got order %d, want %d", got, c.want)
			}
		})
	}
}

func TestFinish(t *testing.T) {
	m := arrival("a", 1)
	ours := &ledger.Claim{Key: "a", Carrier: m.Carrier, Delivery: 1, Token: "ta"}
	applied := ledger.Change{State: ledger.Active, AccountID: "7", Applied: true}
	cases := map[string]struct {
		claim  *ledger.Claim
		effect ledger.Effect
		change ledger.Change
		want   ledger.Written
		state  ledger.State
	}{
		"our claim": {ours, tried(m), applied, ledger.Mine, ledger.Active},
		"another delivery's claim, and it is done": {claimed(m, 2), tried(m), applied, ledger.Theirs, ledger.Active},
		"another delivery's claim, and it failed":  {claimed(m, 2), tried(m), ledger.Change{}, ledger.Nothing, ledger.Unknown},
		"no claim at all":                          {nil, tried(m), applied, ledger.Nothing, ledger.Unknown},
		"finished for us, and we changed more":     {ours, done(m), applied, ledger.Mine, ledger.Active},
		"finished for us, and we changed nothing":  {ours, done(m), ledger.Change{}, ledger.Nothing, ledger.Unknown},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := ledger.Account{Effects: []ledger.Effect{c.effect}, Claim: c.claim}
			_, got := a.Finish("a", "ta", ledger.Outcome{Kind: "done", At: now}, c.change)
			if got != c.want || a.State != c.state {
				t.Errorf("got %v and state %q, want %v and %q", got, a.State, c.want, c.state)
			}
			if theirs := c.want == ledger.Theirs; theirs && a.Claim == nil {
				t.Error("the claim of the other delivery was taken away")
			}
		})
	}
}

func TestFinishKnowsItsOwnWork(t *testing.T) {
	m := arrival("a", 1)
	applied := ledger.Change{State: ledger.Active, AccountID: "7", Applied: true}
	for name, c := range map[string]struct {
		claim *ledger.Claim
		want  ledger.Written
	}{
		"written under our claim":                {&ledger.Claim{Key: "a", Carrier: m.Carrier, Delivery: 1, Token: "ta"}, ledger.Mine},
		"written under another's, who will tell": {claimed(m, 2), ledger.Nothing},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Account{Effects: []ledger.Effect{tried(m)}, Claim: c.claim}
			a.Finish("a", "ta", ledger.Outcome{Kind: "done", At: now}, applied) // saved, though the answer was lost
			if _, got := a.Finish("a", "ta", ledger.Outcome{Kind: "done", At: now}, applied); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestADeletionLeavesATombstone(t *testing.T) {
	m := arrival("d", 4)
	a := ledger.Account{
		UserID: "u1", AccountID: "7", State: ledger.Active, Life: at(1), Courses: map[string]ledger.Course{"go": {Enrolled: true, Order: at(2)}},
		Effects: []ledger.Effect{tried(m)}, Claim: &ledger.Claim{Key: "d", Carrier: m.Carrier, Delivery: 1, Token: "td"},
	}
	a.Finish("d", "td", ledger.Outcome{Kind: "done", At: now}, ledger.Change{State: ledger.Deleted, Applied: true})
	a.Effects = nil
	want := ledger.Account{UserID: "u1", State: ledger.Deleted, Life: at(4), Deleted: at(4), Former: "7"}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("the record differs (-want +got):\n%s", diff)
	}
}

func TestPrune(t *testing.T) {
	old := done(arrival("old", 1))
	old.First, old.Last, old.Outcome.At = now.Add(-72*time.Hour), now.Add(-72*time.Hour), now.Add(-72*time.Hour)
	waits := tried(arrival("waits", 2))
	waits.First, waits.Last, waits.Due = old.First, old.Last, now.Add(time.Hour)
	a := ledger.Account{Effects: []ledger.Effect{old, waits}}
	a.Arrive(enrollment("new", 3, "go"))
	var got []string
	for _, e := range a.Effects {
		got = append(got, e.Key)
	}
	if diff := cmp.Diff([]string{"waits", "new"}, got); diff != "" {
		t.Errorf("kept effects differ (-want +got):\n%s", diff)
	}
}
