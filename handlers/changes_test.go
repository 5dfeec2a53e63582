package handlers_test

import (
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

func TestUserUpdated(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "first_name": "Ada"}
	const find, again = "find ada@example.org", "update 8 to ada@example.org Ada"
	check(t, handlers.UserUpdated(), map[string]outcomeCase{
		"the record knows it":          {&port{}, ada, active, events.Done, nil, []string{"update 7 to ada@example.org Ada"}},
		"found by e-mail, and adopted": {&port{account: "8"}, ada, handlers.Known{}, events.Done, nil, []string{find, again}},
		"nobody there":                 {&port{}, ada, handlers.Known{}, "", handlers.ErrNoAccount, []string{find}},
		"deleted, not created again":   {&port{account: "8"}, ada, gone, "", handlers.ErrNoAccount, nil},
		"made anew by hand":            {&port{missing: "7", account: "8"}, ada, active, events.Done, nil, []string{"update 7 to ada@example.org Ada", find, again}},
		"gone between look and update": {&port{missing: "8", account: "8"}, ada, handlers.Known{}, "", handlers.ErrNoAccount, []string{find, again}},
		"a vendor that goes by our id": {&upserter{}, ada, handlers.Known{}, events.Done, nil, []string{"update u1 to ada@example.org Ada"}},
		"a vendor that cannot update":  {bare{}, ada, active, events.Unsupported, nil, nil},
	})
}

func TestUserRestored(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org"}
	noEmail := map[string]any{"user_id": "u1"}
	const find = "find ada@example.org"
	check(t, handlers.UserRestored(), map[string]outcomeCase{
		"deleted by us":                {&port{}, ada, trashed, events.Done, nil, []string{find, `restore "6" of u1`}},
		"deleted by us, no e-mail":     {&port{}, noEmail, trashed, events.Done, nil, []string{`restore "6" of u1`}},
		"deleted before usher":         {&port{}, ada, handlers.Known{}, events.Done, nil, []string{find, `restore "" of u1`}},
		"nobody knows, and no e-mail":  {&port{}, noEmail, handlers.Known{}, "", handlers.ErrNoAccount, nil},
		"there":                        {&port{}, ada, active, events.AlreadyDone, nil, nil},
		"made anew by hand":            {&port{account: "8"}, ada, trashed, events.AlreadyDone, nil, []string{find}},
		"there, and it may be ours":    {&port{account: "6"}, ada, unsettled(trashed), events.Done, nil, []string{find}},
		"the answer is lost":           {&port{restore: unknown}, noEmail, trashed, "", unknown, []string{`restore "6" of u1`}},
		"a vendor that goes by our id": {&upserter{}, noEmail, trashed, events.Done, nil, []string{`restore "6" of u1`}},
		"a vendor that cannot":         {bare{}, ada, trashed, events.Unsupported, nil, nil},
	})
}

// TestNothingWaitsForWhatNeverComes has the failures that no later event mends.
func TestNothingWaitsForWhatNeverComes(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org"}
	for name, c := range map[string]struct {
		handler handlers.Handler
		port    *port
		known   handlers.Known
	}{
		"an update of an account that the vendor lost":     {handlers.UserUpdated(), &port{missing: "7"}, active},
		"an update of one that it shows and does not take": {handlers.UserUpdated(), &port{missing: "7", account: "7"}, active},
		"a restoration of what it does not keep":           {handlers.UserRestored(), &port{restore: vendors.ErrNotFound}, trashed},
	} {
		t.Run(name, func(t *testing.T) {
			c.port.calls = &[]string{}
			plan, err := c.handler.Plan(handlers.Vendor{Name: "acme", Adapter: c.port}, event(t, c.handler.Type, ada))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := plan.Do(t.Context(), c.known); vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v, want a permanent failure", err)
			}
		})
	}
}

func TestEnrollmentCancelled(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "course_id": "go-1"}
	noEmail := map[string]any{"user_id": "u1", "course_id": "go-1"}
	const out = "unenroll 7 from 7 (go-1)"
	enrolled := active
	enrolled.Enrolled = true
	check(t, handlers.EnrollmentCancelled(courses, []string{"acme", "other"}), map[string]outcomeCase{
		"enrolled":                      {&port{}, ada, enrolled, events.Done, nil, []string{out}},
		"not enrolled by us":            {&port{}, ada, active, events.Done, nil, []string{out}},
		"the user was there before us":  {&port{account: "5"}, ada, handlers.Known{}, events.Done, nil, []string{"find ada@example.org", "unenroll 5 from 7 (go-1)"}},
		"no account":                    {&port{}, ada, handlers.Known{}, "", handlers.ErrNoAccount, []string{"find ada@example.org"}},
		"no account and no e-mail":      {&port{account: "5"}, noEmail, handlers.Known{}, "", handlers.ErrNoAccount, nil},
		"deleted":                       {&port{account: "5"}, ada, gone, events.AlreadyDone, nil, nil},
		"deleted, and it was tried":     {&port{account: "5"}, ada, unsettled(gone), events.Done, nil, nil},
		"by our id, without an account": {&upserter{}, noEmail, handlers.Known{}, events.Done, nil, []string{"unenroll u1 from 7 (go-1)"}},
		"a vendor that cannot":          {bare{}, ada, active, events.Unsupported, nil, nil},
	})
}
