package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// team is rules with a fixed answer.
type team struct {
	scope bool  // there is a scope
	in    bool  // the user is in scope
	err   error // of the scope
}

func (r team) HasScope() bool { return r.scope }

func (r team) InScope(handlers.Profile, events.Event) (bool, error) {
	return r.in || !r.scope, r.err
}

// Map marks the first name, and tells creations apart.
func (r team) Map(_ handlers.Profile, _ events.Event, u vendors.User, creating bool) (vendors.User, error) {
	if u.FirstName += " by rule"; creating {
		u.FirstName += ", new"
	}
	return u, nil
}

var (
	nobody   = handlers.Known{}
	profiled = handlers.Profile{Known: true, Data: json.RawMessage(`{"user_id":"p","email":"profile@example.org","first_name":"Ida"}`)}
)

// noCreation allows every change but the creation.
var noCreation = []string{"update", "delete", "restore", "enroll", "unenroll"}

// with returns knowledge with a profile.
func with(k handlers.Known, p handlers.Profile) handlers.Known { k.Profile = p; return k }

// ruleCase is an event under rules, and its reply.
type ruleCase struct {
	handler handlers.Handler
	rules   handlers.Rules
	known   handlers.Known
	port    *port
	outcome string
	reason  string
	err     error
	calls   []string
}

func TestPlanFor(t *testing.T) {
	out, in, mapping := team{scope: true}, team{scope: true, in: true}, team{}
	broken := team{scope: true, err: &handlers.RuleError{Rule: "scope", Problem: "has no value"}}
	created, updated, deleted, restored := handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored()
	requested, cancelled := handlers.EnrollmentRequested(courses, []string{"acme"}), handlers.EnrollmentCancelled(courses, []string{"acme"})
	enters := profiled
	enters.Enters = true
	superseded := profiled
	superseded.Deleted = true
	lost := handlers.Known{UnconfirmedLifecycle: true}
	const find = "find profile@example.org"
	for name, c := range map[string]ruleCase{
		"created out of scope":              {created, out, with(nobody, profiled), &port{}, events.Skipped, "scope", nil, nil},
		"created in scope, from profile":    {created, in, with(nobody, profiled), &port{}, events.Done, "", nil, []string{find, "create profile@example.org for k"}},
		"no rules":                          {created, nil, nobody, &port{}, events.Done, "", nil, []string{"find ada@example.org", "create ada@example.org for k"}},
		"only a mapping":                    {updated, mapping, with(active, profiled), &port{}, events.Done, "", nil, []string{"update 7 to profile@example.org Ida by rule"}},
		"a mapping, without a profile":      {updated, mapping, active, &port{}, events.Done, "", nil, []string{"update 7 to ada@example.org Ada by rule"}},
		"a rule that fails":                 {created, broken, with(nobody, profiled), &port{}, "", "", broken.err, nil},
		"older than a deletion":             {created, in, with(nobody, superseded), &port{}, events.Superseded, "", nil, nil},
		"older, and no scope":               {updated, mapping, with(active, superseded), &port{}, events.Superseded, "", nil, nil},
		"updated out of scope":              {updated, out, with(active, profiled), &port{}, events.Skipped, "scope", nil, nil},
		"enters":                            {updated, in, with(nobody, enters), &port{}, events.Done, "", nil, []string{find, find, "create profile@example.org for k"}},
		"enters, and the account is there":  {updated, in, with(nobody, enters), &port{account: "8"}, events.Done, "", nil, []string{find, "update 8 to profile@example.org Ida by rule"}},
		"enters after a deletion, adopted":  {updated, in, with(gone, enters), &port{account: "8"}, events.Done, "", nil, []string{find, "update 8 to profile@example.org Ida by rule"}},
		"enters after a deletion, made":     {updated, in, with(gone, enters), &port{}, events.Done, "", nil, []string{find, "create profile@example.org for k"}},
		"enters without a creation":         {updated, in, with(nobody, profiled), &port{}, "", "", handlers.ErrNoAccount, []string{find}},
		"enters, and may not be created":    {updated, in, with(nobody, enters), &port{may: noCreation}, events.Skipped, "may", nil, []string{find}},
		"found, and may not be created":     {updated, in, with(nobody, enters), &port{account: "8", may: noCreation}, events.Done, "", nil, []string{find, "update 8 to profile@example.org Ida by rule"}},
		"no scope to enter":                 {updated, mapping, with(nobody, enters), &port{}, "", "", handlers.ErrNoAccount, []string{find}},
		"enrolled out of scope":             {requested, out, with(active, profiled), &port{}, events.Skipped, "scope", nil, nil},
		"enrolled ahead of all data":        {requested, out, nobody, &port{account: "8"}, "", "", handlers.ErrNoAccount, nil},
		"enrolled, known by record alone":   {requested, in, active, &port{}, events.Done, "", nil, []string{"enroll 7 in 7 (go-1)"}},
		"cancelled out of scope":            {cancelled, out, with(active, profiled), &port{}, events.Done, "", nil, []string{"unenroll 7 from 7 (go-1)"}},
		"cancelled without an account":      {cancelled, out, with(nobody, profiled), &port{account: "8"}, events.Skipped, "scope", nil, nil},
		"deleted out of scope":              {deleted, out, with(active, superseded), &port{}, events.Done, "", nil, []string{"delete 7"}},
		"deleted without an account":        {deleted, out, nobody, &port{account: "8"}, events.Skipped, "scope", nil, nil},
		"deleted without a scope":           {deleted, mapping, nobody, &port{account: "8"}, events.Done, "", nil, []string{"find ada@example.org", "delete 8"}},
		"deleted twice":                     {deleted, out, gone, &port{}, events.AlreadyDone, "", nil, nil},
		"deleted after a lost creation":     {deleted, out, lost, &port{account: "8"}, events.Done, "", nil, []string{"find ada@example.org", "delete 8"}},
		"restored out of scope":             {restored, out, with(trashed, superseded), &port{}, events.Skipped, "scope", nil, nil},
		"restored, and the profile is gone": {restored, out, trashed, &port{}, events.Done, "", nil, []string{"find ada@example.org", `restore "6" of u1`}},
		"restored without an account":       {restored, out, nobody, &port{account: "8"}, events.Skipped, "scope", nil, nil},
	} {
		t.Run(name, func(t *testing.T) { c.run(t) })
	}
}

// run carries out the event, and compares reply and calls.
func (c ruleCase) run(t *testing.T) {
	t.Helper()
	var calls []string
	c.port.calls = &calls
	e := event(t, c.handler.Type, map[string]any{"user_id": "u1", "email": "ada@example.org", "first_name": "Ada", "course_id": "go-1"})
	plan, err := c.handler.PlanFor(handlers.Vendor{Name: "acme", Adapter: c.port, Rules: c.rules, Policy: handlers.Policy{May: c.port.may}}, e)
	if err != nil {
		t.Fatal(err)
	}
	c.known.From = vendors.Origin{Key: "k", At: e.Time()}
	reply, err := plan.Do(t.Context(), c.known)
	if reply.Outcome != c.outcome || reply.Reason != c.reason || !errors.Is(err, c.err) {
		t.Errorf("got %q, %q and %v, want %q, %q and %v", reply.Outcome, reply.Reason, err, c.outcome, c.reason, c.err)
	}
	if diff := cmp.Diff(c.calls, calls); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
}

// A vendor that takes no part in an event has no effect to judge.
func TestPlanForSkips(t *testing.T) {
	h := handlers.EnrollmentRequested(courses, []string{"acme", "other"})
	e := event(t, h.Type, map[string]any{"user_id": "u1", "course_id": "c-1"})
	if plan, err := h.PlanFor(handlers.Vendor{Name: "acme", Adapter: &port{}, Rules: team{scope: true}}, e); err != nil || !plan.Skip {
		t.Errorf("got %+v (%v), want that the vendor takes no part", plan, err)
	}
}

// An account found by a user who enters is reserved before the update: another user may hold it.
func TestEnteringReserves(t *testing.T) {
	var calls []string
	enters := profiled
	enters.Enters = true
	k := with(gone, enters) // a deleted user is looked up by the entry alone
	taken := errors.New("taken")
	k.Reserve = func(_ context.Context, a vendors.Account) error {
		if a.ID == "8" {
			return taken
		}
		return nil
	}
	h := handlers.UserUpdated()
	plan, err := h.PlanFor(handlers.Vendor{Name: "acme", Adapter: &port{account: "8", calls: &calls}, Rules: team{scope: true, in: true}},
		event(t, h.Type, map[string]any{"user_id": "u1", "email": "ada@example.org"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Do(t.Context(), k); !errors.Is(err, taken) || len(calls) != 1 {
		t.Errorf("got %v after %v, want no update of the account of another user", err, calls)
	}
}

// The id of the event goes to the vendor, not that of the profile.
func TestMappedKeepsTheID(t *testing.T) {
	u, in, err := handlers.Vendor{Name: "acme", Rules: team{}}.Account(profiled, event(t, events.UserUpdated, map[string]any{"user_id": "u1", "email": "ada@example.org"}))
	if err != nil || !in || u.ID != "u1" || u.Email != "profile@example.org" {
		t.Errorf("got %+v (%v)", u, err)
	}
}
