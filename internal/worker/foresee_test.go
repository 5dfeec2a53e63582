package worker_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
)

// TestForesee has a case for each thing that may become of a dead letter.
func TestForesee(t *testing.T) {
	now := time.Now()
	ours := ledger.Effect{
		Key: "k1", Type: events.UserCreated, Scope: events.ScopeLifecycle, Order: ledger.Order{Epoch: 1, Seq: 5},
		Carrier: ledger.Carrier{Stream: "EVENTS", Order: ledger.Order{Epoch: 1, Seq: 5}}, Phase: ledger.Finished, Attempts: 1,
		First: now, Last: now, Outcome: &ledger.Outcome{Kind: events.Failed, At: now, By: "x"},
	}
	with := func(change func(*ledger.Effect)) ledger.Effect {
		e := ours
		change(&e)
		return e
	}
	older := ledger.Effect{
		Key: "k0", Type: events.UserDeleted, Scope: events.ScopeLifecycle, Order: ledger.Order{Epoch: 1, Seq: 2},
		Carrier: ledger.Carrier{Stream: "EVENTS", Order: ledger.Order{Epoch: 1, Seq: 2}}, Phase: ledger.Waiting, First: now,
	}
	ada := letter(events.UserCreated, []byte(created))
	cases := map[string]struct {
		letter bus.DeadLetter
		record *ledger.Account
		want   worker.Foresight
	}{
		"nobody knows the user":   {ada, nil, worker.Foresight{Would: worker.WouldCall}},
		"its first try failed":    {ada, &ledger.Account{Effects: []ledger.Effect{ours}}, worker.Foresight{Would: worker.WouldCall}},
		"a newer one was applied": {ada, &ledger.Account{Life: ledger.Order{Epoch: 1, Seq: 9}}, worker.Foresight{Would: worker.WouldSupersede, Outcome: events.Superseded}},
		"the same replay was carried out": {
			ada, &ledger.Account{Effects: []ledger.Effect{with(func(e *ledger.Effect) {
				e.Replay, e.Outcome = 1, &ledger.Outcome{Kind: events.Done, At: now, By: "x"}
			})}},
			worker.Foresight{Would: worker.WouldRepeat, Outcome: events.Done},
		},
		"another message carries it": {
			ada, &ledger.Account{Effects: []ledger.Effect{with(func(e *ledger.Effect) { e.Phase, e.Outcome = ledger.Started, nil })}},
			worker.Foresight{Would: worker.WouldYield},
		},
		"an older one is waiting": {
			ada, &ledger.Account{Effects: []ledger.Effect{older}}, worker.Foresight{Would: worker.WouldWait, Behind: "k0", Kind: events.UserDeleted},
		},
		"another one is at work": {
			ada, &ledger.Account{Effects: []ledger.Effect{older}, Claim: &ledger.Claim{Key: "k0", Carrier: older.Carrier, Delivery: 1, Token: "x"}},
			worker.Foresight{Would: worker.WouldWait, Behind: "k0", Kind: events.UserDeleted},
		},
		"not a CloudEvent": {
			letter(events.UserCreated, []byte("{")), nil, worker.Foresight{Would: worker.WouldRefuse, Rule: "json"},
		},
		"an unknown course": {
			letter(events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"x"}`)), nil,
			worker.Foresight{Would: worker.WouldRefuse, Pointer: "/data/course_id", Rule: "course"},
		},
		"a course of other vendors now": {
			letter(events.EnrollmentRequested, enrolment(`{"user_id":"u1","course_id":"c-1"}`)), nil, worker.Foresight{Would: worker.WouldPass},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBucket()
			if c.record != nil {
				record, err := json.Marshal(c.record)
				if err != nil {
					t.Fatal(err)
				}
				key := ledger.AccountKey("acme", "u1")
				b.records[key], b.revisions[key] = record, 3
			}
			before := maps.Clone(b.records)
			w := acme(t, nil, b, &diary{settle: func(int) error { return errors.New("it settles") }})
			got, err := w.Foresee(t.Context(), c.letter, bus.Place{Stream: bus.ReplaysStream, Epoch: 7, Seq: 1, Delivery: 1, Time: now})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(worker.Foresight{}, "Message", "Until")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !maps.EqualFunc(before, b.records, bytes.Equal) {
				t.Error("the ledger was changed")
			}
		})
	}
}
