package handlers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// keeper is a vendor with accounts from before, each with an e-mail and perhaps an id of ours.
type keeper struct {
	accounts []kept
	refused  bool // a creation is refused, and then shows the account with the e-mail
	noIDs    bool // the vendor refuses look-ups by id
	trash    string
	calls    []string
}

type kept struct{ id, email, owner string }

func (*keeper) Check(context.Context) error { return nil }

// Find looks up the id, if any, and then the e-mail.
func (k *keeper) Find(_ context.Context, u vendors.User) (vendors.Account, error) {
	k.calls = append(k.calls, strings.Join(strings.Fields("find "+u.ID+" "+u.Email), " "))
	if k.refused {
		return vendors.Account{}, vendors.ErrNotFound
	}
	if u.ID != "" && k.noIDs && u.Email == "" {
		return vendors.Account{}, &vendors.Error{Status: 400, Class: vendors.Permanent}
	}
	return k.find(u)
}

func (k *keeper) find(u vendors.User) (vendors.Account, error) {
	for _, hit := range []func(kept) bool{
		func(a kept) bool { return u.ID != "" && a.owner == u.ID },
		func(a kept) bool { return a.email == u.Email },
	} {
		var hits []vendors.Account
		for _, a := range k.accounts {
			if hit(a) {
				hits = append(hits, vendors.Account{ID: a.id, Owner: a.owner})
			}
		}
		if a, err := vendors.Only("acme", vendors.KeyEmail, hits); !errors.Is(err, vendors.ErrNotFound) {
			return a, err
		}
	}
	return vendors.Account{}, vendors.ErrNotFound
}

func (k *keeper) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	k.calls = append(k.calls, "create")
	if k.refused {
		a, err := k.find(u)
		a.Existed = true
		return a, err
	}
	return vendors.Account{ID: "new", Owner: u.ID}, nil
}

func (k *keeper) Delete(_ context.Context, _ vendors.Origin, a vendors.Account) error {
	k.calls = append(k.calls, "delete "+a.ID)
	return nil
}

func (k *keeper) Update(_ context.Context, _ vendors.Origin, a vendors.Account, _ vendors.User) error {
	k.calls = append(k.calls, "update "+a.ID)
	return nil
}

func (k *keeper) Enroll(_ context.Context, e vendors.Enrollment) error {
	k.calls = append(k.calls, "enroll "+e.Account.ID)
	return nil
}

// trashKeeper has an account in the trash.
type trashKeeper struct{ *keeper }

func (k trashKeeper) FindDeleted(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{ID: k.trash}, nil
}

// TestMatchAndAdopt tries each event type for accounts that Usher did not make.
func TestMatchAndAdopt(t *testing.T) {
	const ada, free, other = "ada@example.org", "", "u2"
	created, updated, deleted := handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted()
	requested := handlers.EnrollmentRequested(courses, []string{"acme"})
	foreign, ambiguous := handlers.ErrForeign, vendors.ErrAmbiguous
	mine, free1, others := []kept{{"7", "old@example.org", "u1"}}, []kept{{"8", ada, free}}, []kept{{"9", ada, other}}
	twins := []kept{{"8", ada, free}, {"9", ada, free}}
	both := slices.Concat(mine, free1)
	idFirst, emailFirst := []string{vendors.KeyID, vendors.KeyEmail}, []string{vendors.KeyEmail, vendors.KeyID}
	byID, byEmail := []string{vendors.KeyID}, []string{vendors.KeyEmail}
	unconfirmed, lost := handlers.Known{Unconfirmed: true}, handlers.Known{UnconfirmedLifecycle: true}
	for name, c := range map[string]struct {
		handler handlers.Handler
		match   []string
		adopt   handlers.Adopt
		vendor  *keeper
		known   handlers.Known
		err     error
		want    string // action, how the account was found, and its id
		calls   []string
	}{
		"default, free":                      {created, nil, "", &keeper{accounts: free1}, nobody, nil, "adopted email 8", []string{"find u1 " + ada}},
		"default, ours":                      {created, nil, "", &keeper{accounts: mine}, nobody, nil, "adopted user_id 7", []string{"find u1 " + ada}},
		"default, of another":                {created, nil, "", &keeper{accounts: others}, nobody, foreign, "", []string{"find u1 " + ada}},
		"default, two":                       {created, nil, "", &keeper{accounts: twins}, nobody, ambiguous, "", []string{"find u1 " + ada}},
		"always, of another":                 {created, byEmail, handlers.AdoptAlways, &keeper{accounts: others}, nobody, nil, "adopted email 9", []string{"find " + ada}},
		"always, two":                        {created, byEmail, handlers.AdoptAlways, &keeper{accounts: twins}, nobody, ambiguous, "", []string{"find " + ada}},
		"never, free":                        {created, idFirst, handlers.AdoptNever, &keeper{accounts: free1}, nobody, foreign, "", []string{"find u1", "find " + ada}},
		"never, ours":                        {created, idFirst, handlers.AdoptNever, &keeper{accounts: mine}, nobody, nil, "adopted user_id 7", []string{"find u1"}},
		"never, after a cut attempt":         {created, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, unconfirmed, foreign, "", []string{"find " + ada}},
		"unclaimed, after a cut attempt":     {created, byEmail, handlers.AdoptUnclaimed, &keeper{accounts: free1}, unconfirmed, nil, "created  8", []string{"find " + ada}},
		"never, nobody":                      {created, idFirst, handlers.AdoptNever, &keeper{}, nobody, nil, "created  new", []string{"find u1", "find " + ada, "create"}},
		"never, taken":                       {created, byEmail, handlers.AdoptNever, &keeper{accounts: free1, refused: true}, nobody, foreign, "", []string{"find " + ada, "create"}},
		"unclaimed, taken":                   {created, byEmail, handlers.AdoptUnclaimed, &keeper{accounts: free1, refused: true}, nobody, nil, "adopted email 8", []string{"find " + ada, "create"}},
		"unclaimed, taken by another":        {created, byEmail, handlers.AdoptUnclaimed, &keeper{accounts: others, refused: true}, nobody, foreign, "", []string{"find " + ada, "create"}},
		"taken by two":                       {created, byEmail, handlers.AdoptAlways, &keeper{accounts: twins, refused: true}, nobody, ambiguous, "", []string{"find " + ada, "create"}},
		"id before e-mail":                   {created, idFirst, "", &keeper{accounts: both}, nobody, nil, "adopted user_id 7", []string{"find u1"}},
		"e-mail before id":                   {created, emailFirst, "", &keeper{accounts: both}, nobody, nil, "adopted email 8", []string{"find " + ada}},
		"e-mail before id, by id":            {created, emailFirst, "", &keeper{accounts: mine}, nobody, nil, "adopted user_id 7", []string{"find " + ada, "find u1"}},
		"only id, and a free account":        {created, byID, "", &keeper{accounts: free1, refused: true}, nobody, foreign, "", []string{"find u1", "create"}},
		"only id, always":                    {created, byID, handlers.AdoptAlways, &keeper{accounts: free1, refused: true}, nobody, foreign, "", []string{"find u1", "create"}},
		"no look-up by id, then e-mail":      {created, idFirst, "", &keeper{accounts: free1, noIDs: true}, nobody, nil, "adopted email 8", []string{"find u1", "find " + ada}},
		"no look-up by id at all":            {created, byID, "", &keeper{accounts: free1, noIDs: true}, nobody, errAny, "", []string{"find u1"}},
		"update, free":                       {updated, byEmail, "", &keeper{accounts: free1}, nobody, nil, "updated email 8", []string{"find " + ada, "update 8"}},
		"update, never":                      {updated, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, nobody, foreign, "", []string{"find " + ada}},
		"update of the record, never":        {updated, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, active, nil, "updated record 7", []string{"update 7"}},
		"update, two":                        {updated, byEmail, "", &keeper{accounts: twins}, nobody, ambiguous, "", []string{"find " + ada}},
		"enrolment, ours":                    {requested, idFirst, handlers.AdoptNever, &keeper{accounts: mine}, nobody, nil, "enrolled user_id 7", []string{"find u1", "enroll 7"}},
		"enrolment, never":                   {requested, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, nobody, foreign, "", []string{"find " + ada}},
		"enrolment, two":                     {requested, byEmail, "", &keeper{accounts: twins}, nobody, ambiguous, "", []string{"find " + ada}},
		"deletion, free":                     {deleted, byEmail, "", &keeper{accounts: free1}, nobody, nil, "deleted email 8", []string{"find " + ada, "delete 8"}},
		"deletion, never":                    {deleted, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, nobody, nil, "none  ", []string{"find " + ada}},
		"deletion, of another":               {deleted, byEmail, "", &keeper{accounts: others}, nobody, nil, "none  ", []string{"find " + ada}},
		"deletion, never, a creation is cut": {deleted, byEmail, handlers.AdoptNever, &keeper{accounts: free1}, lost, foreign, "", []string{"find " + ada}},
		"deletion, two":                      {deleted, byEmail, "", &keeper{accounts: twins}, nobody, ambiguous, "", []string{"find " + ada}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := carryOut(t, c.handler, handlers.Vendor{Name: "acme", Adapter: c.vendor, Policy: handlers.Policy{Match: c.match, Adopt: c.adopt}}, c.known)
			if got != c.want || (err != nil) != (c.err != nil) || !errors.Is(c.err, errAny) && !errors.Is(err, c.err) {
				t.Errorf("got %q, %v, want %q, %v", got, err, c.want, c.err)
			}
			if diff := cmp.Diff(c.calls, c.vendor.calls); diff != "" {
				t.Errorf("calls differ (-want +got):\n%s", diff)
			}
			if err != nil && (strings.Contains(err.Error(), "@") || vendors.ClassOf(err) != vendors.Permanent) {
				t.Errorf("got %v, want a permanent error without an e-mail", err)
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any error")

// carryOut carries out an event of the type, and returns the step.
func carryOut(t *testing.T, h handlers.Handler, v handlers.Vendor, k handlers.Known) (string, error) {
	t.Helper()
	e := event(t, h.Type, map[string]any{"user_id": "u1", "email": "ada@example.org", "first_name": "Ada", "course_id": "go-1"})
	plan, err := h.PlanFor(v, e)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := plan.Do(t.Context(), k)
	if err != nil {
		return "", err
	}
	return reply.Action + " " + reply.MatchedBy + " " + reply.Account.ID, nil
}

// A creation that would take a stranger out of the trash is not made if the team adopts no accounts.
func TestTrashUnderNever(t *testing.T) {
	trashed := handlers.Known{Gone: true, PreviousAccountID: "6"}
	for name, c := range map[string]struct {
		adopt handlers.Adopt
		trash string
		known handlers.Known
		err   error
	}{
		"a stranger":          {handlers.AdoptNever, "8", nobody, handlers.ErrForeign},
		"of another deletion": {handlers.AdoptNever, "8", trashed, handlers.ErrForeign},
		"the user's own":      {handlers.AdoptNever, "6", trashed, nil},
		"adopted":             {handlers.AdoptUnclaimed, "8", nobody, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := handlers.Vendor{Name: "acme", Adapter: trashKeeper{&keeper{trash: c.trash}}, Policy: handlers.Policy{Match: []string{vendors.KeyEmail}, Adopt: c.adopt}}
			if got, err := carryOut(t, handlers.UserCreated(), v, c.known); !errors.Is(err, c.err) || (err == nil) != (got == "created  new") {
				t.Errorf("got %q, %v, want %v", got, err, c.err)
			}
		})
	}
}
