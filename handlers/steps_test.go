package handlers_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// step is the part of a reply about the step.
type step struct {
	action, by string
	changed    []string
}

// disabler is a vendor that disables accounts.
type disabler struct {
	port

	lost bool // the vendor has lost the account
}

func (p *disabler) Disable(context.Context, vendors.Origin, vendors.Account) error { return nil }

func (p *disabler) Enable(context.Context, vendors.Origin, vendors.Account) error {
	if p.lost {
		return vendors.ErrNotFound
	}
	return nil
}

// TestSteps compares the steps in the replies.
func TestSteps(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "first_name": "Ada", "course_id": "go-1"}
	noEmail := map[string]any{"user_id": "u1", "name": "lesson"}
	names := []string{"acme", "other"}
	created, updated, deleted, restored := handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored()
	enrolled, ended, tracked := handlers.EnrollmentRequested(courses, names), handlers.EnrollmentCancelled(courses, names), handlers.ActivityTracked()
	inCourse := active
	inCourse.Enrolled = true
	off := gone
	off.Disabled, off.PreviousAccountID = true, "7"
	unsure := off
	unsure.UnconfirmedLifecycle = true
	wrote := []string{"email", "first_name"}
	for name, c := range map[string]struct {
		handler handlers.Handler
		adapter vendors.Adapter
		data    map[string]any
		known   handlers.Known
		want    step
	}{
		"created":                      {created, &port{}, ada, handlers.Known{}, step{events.ActionCreated, "", wrote}},
		"created, and the answer lost": {created, &port{create: unknown, after: "8"}, ada, handlers.Known{}, step{events.ActionCreated, "", wrote}},
		"adopted":                      {created, &port{account: "7"}, ada, handlers.Known{}, step{events.ActionAdopted, events.MatchedByEmail, nil}},
		"perhaps created before":       {created, &port{account: "7"}, ada, unsettled(handlers.Known{}), step{events.ActionCreated, "", wrote}},
		"known":                        {created, &port{}, ada, active, step{events.ActionNone, events.MatchedByRecord, nil}},
		"upserted":                     {created, &upserter{}, ada, active, step{events.ActionUpdated, events.MatchedByUserID, wrote}},
		"updated":                      {updated, &port{}, ada, active, step{events.ActionUpdated, events.MatchedByRecord, wrote}},
		"found and updated":            {updated, &port{account: "8"}, ada, handlers.Known{}, step{events.ActionUpdated, events.MatchedByEmail, wrote}},
		"recreated by hand, updated":   {updated, &port{account: "8", missing: "7"}, ada, active, step{events.ActionUpdated, events.MatchedByEmail, wrote}},
		"deleted":                      {deleted, &port{}, ada, active, step{events.ActionDeleted, events.MatchedByRecord, nil}},
		"deleted by our id":            {deleted, &upserter{}, noEmail, handlers.Known{}, step{events.ActionDeleted, events.MatchedByUserID, nil}},
		"nobody to delete":             {deleted, &port{}, ada, handlers.Known{}, step{events.ActionNone, "", nil}},
		"perhaps deleted before":       {deleted, &port{}, ada, unsettled(handlers.Known{}), step{events.ActionDeleted, "", nil}},
		"deleted long ago":             {deleted, &port{}, ada, gone, step{events.ActionNone, "", nil}},
		"disabled":                     {deleted, &disabler{}, ada, active, step{events.ActionDisabled, events.MatchedByRecord, nil}},
		"found and disabled":           {deleted, &disabler{port: port{account: "7"}}, ada, handlers.Known{}, step{events.ActionDisabled, events.MatchedByEmail, nil}},
		"disabled long ago":            {deleted, &disabler{}, ada, off, step{events.ActionNone, "", nil}},
		"disabled once more":           {deleted, &disabler{}, noEmail, unsure, step{events.ActionDisabled, events.MatchedByRecord, nil}},
		"disabled, now deleted":        {deleted, &port{}, ada, off, step{events.ActionDeleted, events.MatchedByRecord, nil}},
		"enabled by a creation":        {created, &disabler{}, ada, off, step{events.ActionEnabled, events.MatchedByRecord, wrote}},
		"enabled by a restoration":     {restored, &disabler{}, noEmail, off, step{events.ActionEnabled, events.MatchedByRecord, nil}},
		"disabled, then lost":          {created, &disabler{lost: true}, ada, off, step{events.ActionCreated, "", wrote}},
		"no port":                      {deleted, bare{}, ada, active, step{}},
		"restored":                     {restored, &port{}, noEmail, trashed, step{events.ActionRestored, events.MatchedByRecord, nil}},
		"nothing to restore":           {restored, &port{}, noEmail, active, step{events.ActionNone, events.MatchedByRecord, nil}},
		"enrolled":                     {enrolled, &port{}, ada, active, step{events.ActionEnrolled, events.MatchedByRecord, nil}},
		"enrolled already":             {enrolled, &port{}, ada, inCourse, step{events.ActionNone, events.MatchedByRecord, nil}},
		"found enrolled":               {enrolled, &reader{in: true}, ada, active, step{events.ActionNone, events.MatchedByRecord, nil}},
		"perhaps enrolled before":      {enrolled, &reader{in: true}, ada, unsettled(active), step{events.ActionEnrolled, events.MatchedByRecord, nil}},
		"unenrolled":                   {ended, &port{}, ada, active, step{events.ActionUnenrolled, events.MatchedByRecord, nil}},
		"no course without account":    {ended, &port{}, ada, gone, step{events.ActionNone, "", nil}},
		"recorded":                     {tracked, &port{}, noEmail, handlers.Known{}, step{events.ActionRecorded, "", nil}},
	} {
		t.Run(name, func(t *testing.T) {
			switch p := c.adapter.(type) {
			case *port:
				p.calls = &[]string{}
			case *disabler:
				p.calls = &[]string{}
			case *reader:
				p.calls = &[]string{}
			case *upserter:
				p.calls = &[]string{}
			}
			removal := handlers.DeleteAccount
			if _, disables := c.adapter.(*disabler); disables {
				removal = handlers.DisableAccount
			}
			plan, err := c.handler.Plan(handlers.Vendor{Name: "acme", Adapter: c.adapter, Policy: handlers.Policy{OnDelete: removal}}, event(t, c.handler.Type, c.data))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := plan.Do(t.Context(), c.known)
			got := step{reply.Action, reply.MatchedBy, reply.Changed}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(step{})); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}
