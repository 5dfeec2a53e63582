package console_test

import (
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// event is a user.created of someone with the address that no reader may see.
func (w *world) event(id, user string) events.Event {
	w.t.Helper()
	e, err := events.New(events.UserCreated, "/school", id, time.Now(), map[string]any{"user_id": user, "email": secret, "phone": "+43 1 555 0100"})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// resultOf returns the result of an event at lead.
func (w *world) resultOf(e events.Event, outcome, why string) events.Event {
	w.t.Helper()
	r := events.Result{Vendor: "lead", Outcome: outcome, Attempts: 2, TookMS: 42}
	if why != "" {
		r.Error = &events.ResultError{Class: "permanent", Status: 422, Message: why}
	}
	result, err := events.NewResult(events.ResultOf{Request: e, Key: events.Key(e.Source(), e.ID()), Source: "/usher", At: time.Now(), Result: r})
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

// result publishes what came of an event at lead.
func (w *world) result(e events.Event, outcome, why string) {
	w.t.Helper()
	if err := w.streams.Results.Publish(w.t.Context(), "lead", w.resultOf(e, outcome, why)); err != nil {
		w.t.Fatal(err)
	}
}

// addLetter keeps a dead letter of an event, and returns the path of its page.
func (w *world) addLetter(e events.Event, why string) string {
	w.t.Helper()
	header, payload, err := events.ToNATS(e)
	if err != nil {
		w.t.Fatal(err)
	}
	d := streams.DeadLetter{
		Vendor: "lead", Type: e.Type(), Key: events.Key(e.Source(), e.ID()), EventID: e.ID(), Source: e.Source(), Class: "permanent",
		Status: 422, Message: why, Attempts: 3, FirstTry: time.Now(), LastTry: time.Now(), Seq: 1, Subject: e.Type(), Header: header, Payload: payload,
	}
	if err := w.streams.DeadLetters.Add(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	return "/console/dead/lead/" + d.Type + "/" + d.Key
}

// account writes the record of a user who has an account at lead, as change leaves it.
func (w *world) account(user string, change func(*record.Record)) {
	w.t.Helper()
	store, err := recordstore.Open(w.t.Context(), streams.Client{JetStream: w.streams.Client.JetStream}, streams.AccountsBucket)
	if err != nil {
		w.t.Fatal(err)
	}
	err = store.Change(w.t.Context(), record.AccountKey("lead", user), func(r *record.Record) {
		r.UserID, r.AccountID, r.State = user, secret, record.Active
		change(r)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// full is a world in which a bit of everything has happened, to a user with that id.
func full(t *testing.T, user string) (w *world, letter string) {
	w = newWorld(t, console.Config{People: people})
	e := w.event("e-"+user, user)
	w.result(e, events.Done, "")
	w.result(w.event("f-"+user, user), events.Failed, "no such person: "+secret+" "+evil)
	letter = w.addLetter(e, "taken: "+secret+" "+evil)
	w.account(user, func(r *record.Record) {
		now := time.Now()
		failed := record.Effect{
			Key: record.KeyOf(events.Key("/school", "e-"+user)), Type: events.UserCreated, Scope: events.ScopeLifecycle, Attempts: 3, Registered: now,
		}
		r.Finished = []record.Finished{{Effect: failed, Outcome: record.Outcome{Kind: events.Failed, At: now, Message: "taken: " + secret}}}
		r.Pending = []record.Effect{{Key: 2, Type: events.UserDeleted, Scope: events.ScopeLifecycle, Registered: now, Due: now.Add(time.Hour)}}
	})
	by := ops.Actor{Who: "ann", Why: "because of " + secret + evil}
	if _, err := w.service.Load().Pause(t.Context(), "lead", time.Hour, by); err != nil {
		t.Fatal(err)
	}
	return w, letter
}
