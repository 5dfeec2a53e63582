package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// port is a vendor that writes down how it was called.
type port struct {
	calls   *[]string
	account string // what Find finds; empty: nobody
	create  error
	after   string // what Find finds once Create was called
	missing string // the account that Update does not find
	restore error
	enroll  error    // of Enroll
	may     []string // of the policy
}

func (p *port) note(format string, args ...any) {
	*p.calls = append(*p.calls, fmt.Sprintf(format, args...))
}

// noteObject notes an object as it would be sent.
func (p *port) noteObject(o json.RawMessage) {
	if o != nil {
		written, _ := json.Marshal(o)
		p.note("with %s", written)
	}
}

func (p *port) Find(_ context.Context, u vendors.User) (vendors.Account, error) {
	p.note("find %s", u.Email)
	if p.account == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	return vendors.Account{ID: p.account}, nil
}

func (p *port) Create(_ context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error) {
	p.note("create %s for %s", u.Email, from.Key)
	p.noteObject(u.Attributes)
	p.account = p.after
	return vendors.Account{ID: "new"}, p.create
}

func (p *port) Delete(_ context.Context, _ vendors.Origin, a vendors.Account) error {
	p.note("delete %s", a.ID)
	return nil
}

func (p *port) Update(_ context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) error {
	p.note("update %s to %s %s", a.ID, u.Email, u.FirstName)
	p.noteObject(u.Attributes)
	if a.ID == p.missing {
		return vendors.ErrNotFound
	}
	return nil
}

func (p *port) Restore(_ context.Context, _ vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	p.note("restore %q of %s", a.ID, u.ID)
	return a, p.restore
}

func (p *port) Unenroll(_ context.Context, e vendors.Enrollment) error {
	p.note("unenroll %s from %s (%s)", e.Account.ID, e.Course.ID, e.Course.Ours)
	return nil
}

func (p *port) Enroll(_ context.Context, e vendors.Enrollment) error {
	p.note("enroll %s in %s (%s)", e.Account.ID, e.Course.ID, e.Course.Ours)
	return p.enroll
}

func (*port) Check(context.Context) error { return nil }

func (p *port) Track(_ context.Context, a vendors.Activity) error {
	p.note("track %s at %s", a.Name, a.At.Format(time.RFC3339))
	p.noteObject(a.Properties)
	return nil
}

// reader can also read enrolments.
type reader struct {
	port
	in bool
}

func (r *reader) Enrolled(_ context.Context, a vendors.Account, c vendors.Course) (bool, error) {
	r.note("is %s in %s", a.ID, c.ID)
	return r.in, nil
}

// bare is an adapter without any port but Checker.
type bare struct{}

func (bare) Check(context.Context) error { return nil }

// upserter goes by our ids.
type upserter struct{ port }

func (u *upserter) AccountOf(userID string) vendors.Account { return vendors.Account{ID: userID} }
func (u *upserter) Renews()                                 {}

var (
	unknown = &vendors.Error{Vendor: "acme", Unknown: true}
	active  = handlers.Known{Active: true, Account: vendors.Account{ID: "7"}}
	gone    = handlers.Known{Gone: true}
	// trashed was deleted as account 6.
	trashed  = handlers.Known{Gone: true, PreviousAccountID: "6"}
	outdated = handlers.Known{Active: true, Account: vendors.Account{ID: "7"}, Outdated: true}
)

// outcomeCase is an event at a port, and what must come of it.
type outcomeCase struct {
	adapter vendors.Adapter
	data    map[string]any
	known   handlers.Known
	outcome string
	err     error
	calls   []string
}

// check plans and carries out each case.
func check(t *testing.T, h handlers.Handler, cases map[string]outcomeCase) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls []string
			switch p := c.adapter.(type) {
			case *port:
				p.calls = &calls
			case *reader:
				p.calls = &calls
			case *upserter:
				p.calls = &calls
			}
			e := event(t, h.Type, c.data)
			plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: c.adapter}, e)
			if err != nil {
				t.Fatal(err)
			}
			c.known.From = vendors.Origin{Key: "k", At: e.Time()}
			reply, err := plan.Do(t.Context(), c.known)
			if reply.Outcome != c.outcome || !errors.Is(err, c.err) {
				t.Errorf("got %q and %v, want %q and %v", reply.Outcome, err, c.outcome, c.err)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls differ (-want +got):\n%s", diff)
			}
		})
	}
}

func event(t *testing.T, kind string, data map[string]any) events.Event {
	t.Helper()
	e, err := events.New(kind, "/school", "1", time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC), data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func unsettled(k handlers.Known) handlers.Known { k.Unconfirmed = true; return k }

func TestUserCreated(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org"}
	const find, create = "find ada@example.org", "create ada@example.org for k"
	exact := map[string]any{"user_id": "u1", "email": "ada@example.org", "attributes": json.RawMessage(`{"contract":9007199254740993}`)}
	check(t, handlers.UserCreated(), map[string]outcomeCase{
		"nobody there":               {&port{}, ada, handlers.Known{}, events.Done, nil, []string{find, create}},
		"numbers stay exact":         {&port{}, exact, handlers.Known{}, events.Done, nil, []string{find, create, `with {"contract":9007199254740993}`}},
		"somebody there":             {&port{account: "7"}, ada, handlers.Known{}, events.AlreadyDone, nil, []string{find}},
		"there, and it may be ours":  {&port{account: "7"}, ada, unsettled(handlers.Known{}), events.Done, nil, []string{find}},
		"the answer is lost, found":  {&port{create: unknown, after: "8"}, ada, handlers.Known{}, events.Done, nil, []string{find, create, find}},
		"the answer is lost for now": {&port{create: unknown}, ada, handlers.Known{}, "", unknown, []string{find, create, find}},
		"refused":                    {&port{create: vendors.ErrLate}, ada, handlers.Known{}, "", vendors.ErrLate, []string{find, create}},
		"the record knows it":        {&port{}, ada, active, events.AlreadyDone, nil, nil},
		"an upsert is made again":    {&upserter{}, ada, active, events.Done, nil, []string{find, create}},
		"not over a newer snapshot":  {&upserter{}, ada, outdated, events.AlreadyDone, nil, nil},
		"a vendor without users":     {bare{}, ada, handlers.Known{}, events.Unsupported, nil, nil},
	})
}

func TestUserDeleted(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org"}
	noEmail := map[string]any{"user_id": "u1"}
	check(t, handlers.UserDeleted(), map[string]outcomeCase{
		"the record knows it":          {&port{}, ada, active, events.Done, nil, []string{"delete 7"}},
		"found by e-mail":              {&port{account: "8"}, ada, handlers.Known{}, events.Done, nil, []string{"find ada@example.org", "delete 8"}},
		"not there":                    {&port{}, ada, handlers.Known{}, events.AlreadyDone, nil, []string{"find ada@example.org"}},
		"nobody knows, and no e-mail":  {&port{}, noEmail, handlers.Known{}, "", handlers.ErrUnknownUser, nil},
		"deleted before, no e-mail":    {&port{}, noEmail, gone, events.AlreadyDone, nil, nil},
		"the address is another's now": {&port{account: "9"}, ada, gone, events.AlreadyDone, nil, nil},
		"and an attempt was lost":      {&port{account: "9"}, ada, unsettled(gone), events.AlreadyDone, nil, nil},
		"perhaps created again since":  {&port{account: "9"}, ada, handlers.Known{Gone: true, UnconfirmedLifecycle: true}, events.Done, nil, []string{"find ada@example.org", "delete 9"}},
		"perhaps restored since":       {&port{}, noEmail, handlers.Known{Gone: true, UnconfirmedLifecycle: true, PreviousAccountID: "6"}, events.Done, nil, []string{"delete 6"}},
		"a vendor that cannot delete":  {bare{}, ada, active, events.Unsupported, nil, nil},
		"a vendor that goes by our id": {&upserter{}, noEmail, handlers.Known{}, events.Done, nil, []string{"delete u1"}},
	})
}

// TestDeletionOfAnUnknownUser deletes by a user id only, at a vendor that finds accounts by e-mail.
func TestDeletionOfAnUnknownUser(t *testing.T) {
	lost := handlers.Known{UnconfirmedLifecycle: true}
	for name, test := range map[string]struct {
		adapter  vendors.Adapter
		known    handlers.Known
		skips    bool
		outcome  string
		ends     bool // with a dead letter at once
		awaiting bool
	}{
		"a dead letter":                        {&port{}, handlers.Known{}, false, "", true, false},
		"skipped":                              {&port{}, handlers.Known{}, true, events.Skipped, false, false},
		"a creation may have made an account":  {&port{}, lost, false, "", false, true},
		"the same if unknown users are passed": {&port{}, lost, true, "", false, true},
		"deleted before":                       {&port{}, gone, true, events.AlreadyDone, false, false},
		"a vendor with our ids":                {&upserter{}, handlers.Known{}, true, events.Done, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, calls := handlers.UserDeleted(), []string{}
			if p, ok := test.adapter.(*upserter); ok {
				p.calls = &calls
			}
			plan, err := h.PlanFor(handlers.Vendor{Adapter: test.adapter, Policy: handlers.Policy{SkipUnknown: test.skips}}, event(t, h.Type, map[string]any{"user_id": "u1"}))
			if err != nil {
				t.Fatal(err)
			}
			reply, err := plan.Do(t.Context(), test.known)
			if reply.Outcome != test.outcome || errors.Is(err, handlers.ErrUnknownUser) != test.ends || errors.Is(err, handlers.ErrNoAccount) != (test.ends || test.awaiting) {
				t.Errorf("got %+v, %v", reply, err)
			}
			if reply.Outcome == events.Skipped && reply.Reason != handlers.ReasonUnknown {
				t.Errorf("got the reason %q", reply.Reason)
			}
		})
	}
}

var courses = handlers.Courses{"go-1": {"acme": "7", "other": "9"}, "c-1": {"other": "8"}}

func TestEnrollmentRequested(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "course_id": "go-1"}
	noEmail := map[string]any{"user_id": "u1", "course_id": "go-1"}
	enrolled := active
	enrolled.Enrolled = true
	check(t, handlers.EnrollmentRequested(courses, []string{"acme", "other"}), map[string]outcomeCase{
		"the record knows the account":  {&port{}, ada, active, events.Done, nil, []string{"enroll 7 in 7 (go-1)"}},
		"the user was there before us":  {&port{account: "5"}, ada, handlers.Known{}, events.Done, nil, []string{"find ada@example.org", "enroll 5 in 7 (go-1)"}},
		"no account":                    {&port{}, ada, handlers.Known{}, "", handlers.ErrNoAccount, []string{"find ada@example.org"}},
		"no account and no e-mail":      {&port{account: "5"}, noEmail, handlers.Known{}, "", handlers.ErrNoAccount, nil},
		"deleted, not created again":    {&port{account: "5"}, ada, gone, "", handlers.ErrNoAccount, nil},
		"the record says enrolled":      {&port{}, ada, enrolled, events.AlreadyDone, nil, nil},
		"enrolled, brought up to date":  {&upserter{}, ada, enrolled, events.Done, nil, []string{"enroll 7 in 7 (go-1)"}},
		"the vendor says enrolled":      {&reader{in: true}, ada, active, events.AlreadyDone, nil, []string{"is 7 in 7"}},
		"and it may have been us":       {&reader{in: true}, ada, unsettled(active), events.Done, nil, []string{"is 7 in 7"}},
		"the vendor says not enrolled":  {&reader{}, ada, active, events.Done, nil, []string{"is 7 in 7", "enroll 7 in 7 (go-1)"}},
		"by our id, without an account": {&upserter{}, noEmail, handlers.Known{}, events.Done, nil, []string{"enroll u1 in 7 (go-1)"}},
		"a vendor that cannot enrol":    {bare{}, ada, active, events.Unsupported, nil, nil},
	})
}

// TestEnrollmentWithUnreadableResponse checks that only a vendor that recognizes a repeat, or shows
// enrolments, gets the call a second time.
func TestEnrollmentWithUnreadableResponse(t *testing.T) {
	ada := map[string]any{"user_id": "u1", "email": "ada@example.org", "course_id": "go-1"}
	for name, test := range map[string]struct {
		adapter func(port) vendors.Adapter
		err     vendors.Error
		want    vendors.Class
	}{
		"neither":            {func(p port) vendors.Adapter { return &p }, vendors.Error{Unreadable: true, Unknown: true}, vendors.Permanent},
		"enrolments shown":   {func(p port) vendors.Adapter { return &reader{port: p} }, vendors.Error{Unreadable: true, Unknown: true}, vendors.Again},
		"repeats recognized": {func(p port) vendors.Adapter { return &upserter{p} }, vendors.Error{Unreadable: true, Unknown: true}, vendors.Again},
		"nothing changed":    {func(p port) vendors.Adapter { return &p }, vendors.Error{Unreadable: true}, vendors.Again},
		"no response":        {func(p port) vendors.Adapter { return &p }, vendors.Error{Unknown: true}, vendors.Again},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			h := handlers.EnrollmentRequested(courses, []string{"acme"})
			adapter := test.adapter(port{calls: &calls, enroll: &test.err})
			plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: adapter}, event(t, h.Type, ada))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = plan.Do(t.Context(), active); vendors.ClassOf(err) != test.want || err == nil {
				t.Errorf("got %v of class %v, want class %v", err, vendors.ClassOf(err), test.want)
			}
		})
	}
}

// TestWhoTakesPart says which vendor an enrolment, or the end of one, concerns.
func TestWhoTakesPart(t *testing.T) {
	cases := map[string]struct {
		adapter vendors.Adapter
		data    map[string]any
		part    string // yes, no, or the rule that is broken
	}{
		"mapped":                                {&port{}, map[string]any{"course_id": "go-1"}, "yes"},
		"mapped elsewhere only":                 {&port{}, map[string]any{"course_id": "c-1"}, "no"},
		"mapped nowhere":                        {&port{}, map[string]any{"course_id": "x"}, "course"},
		"a number alone is not enough":          {&port{}, map[string]any{"course_id": "12"}, "course"},
		"a number with this vendor":             {&port{}, map[string]any{"course_id": "12", "vendor": "acme"}, "yes"},
		"a name with this vendor":               {&port{}, map[string]any{"course_id": "x", "vendor": "acme"}, "course"},
		"mapped elsewhere, with this vendor":    {&port{}, map[string]any{"course_id": "c-1", "vendor": "acme"}, "course"},
		"another vendor":                        {&port{}, map[string]any{"course_id": "go-1", "vendor": "other"}, "no"},
		"an unknown vendor":                     {&port{}, map[string]any{"course_id": "go-1", "vendor": "nobody"}, "vendor"},
		"by our ids: mapped elsewhere":          {&upserter{}, map[string]any{"course_id": "c-1"}, "yes"},
		"by our ids: a name with this vendor":   {&upserter{}, map[string]any{"course_id": "x", "vendor": "acme"}, "yes"},
		"by our ids: mapped nowhere, no vendor": {&upserter{}, map[string]any{"course_id": "x"}, "course"},
	}
	names := []string{"acme", "other"}
	for _, h := range []handlers.Handler{handlers.EnrollmentRequested(courses, names), handlers.EnrollmentCancelled(courses, names)} {
		for name, c := range cases {
			t.Run(h.Type+"/"+name, func(t *testing.T) {
				c.data["user_id"] = "u1"
				plan, err := h.Plan(handlers.Vendor{Name: "acme", Adapter: c.adapter}, event(t, h.Type, c.data))
				got := "yes"
				if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
					got = invalid.Rule
				} else if plan.Skip {
					got = "no"
				}
				if got != c.part {
					t.Errorf("got %q (%v), want %q", got, err, c.part)
				}
			})
		}
	}
}

func TestActivityTracked(t *testing.T) {
	h := handlers.ActivityTracked()
	exact := map[string]any{"user_id": "u1", "name": "paid", "properties": map[string]any{"order": json.Number("9007199254740993"), "sum": json.Number("1.10")}}
	check(t, h, map[string]outcomeCase{
		"when it happened":   {&port{}, map[string]any{"user_id": "u1", "name": "lesson", "occurred_at": "2026-08-31T10:00:00Z"}, handlers.Known{}, events.Done, nil, []string{"track lesson at 2026-08-31T10:00:00Z"}},
		"the event's time":   {&port{}, map[string]any{"user_id": "u1", "name": "lesson"}, handlers.Known{}, events.Done, nil, []string{"track lesson at 2026-09-01T08:00:00Z"}},
		"numbers stay exact": {&port{}, exact, handlers.Known{}, events.Done, nil, []string{"track paid at 2026-09-01T08:00:00Z", `with {"order":9007199254740993,"sum":1.10}`}},
		"a vendor that has":  {bare{}, map[string]any{"user_id": "u1", "name": "lesson"}, handlers.Known{}, events.Unsupported, nil, nil},
	})
	if got := []bool{h.Supports(&port{}), h.Supports(bare{})}; !slices.Equal(got, []bool{true, false}) {
		t.Errorf("got %v, want that only a vendor that tracks takes activity", got)
	}
}
