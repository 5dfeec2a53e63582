package handlers

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// UserCreated handles user.created: creates an account for the user, or adopts an existing
// account.
func UserCreated() Handler {
	return Handler{Type: events.UserCreated, Scope: events.ScopeOf(events.UserCreated), Change: changeCreation, Snapshot: true, Supports: always, Plan: planCreated}
}

// planCreated plans a creation.
func planCreated(v Vendor, e events.Event) (Plan, error) {
	d, err := data[snapshot](e)
	if err != nil {
		return Plan{}, err
	}
	u := person(d)
	return Plan{UserID: d.UserID, Do: func(ctx context.Context, k Known) (Reply, error) {
		u, err := v.mapped(k, e, u, true)
		if err != nil {
			return Reply{}, err
		}
		return provision(ctx, v, u, k)
	}}, nil
}

// snapshot is the data of user.created and user.updated.
type snapshot struct {
	events.UserCreatedData

	Attributes json.RawMessage `json:"attributes"` // as in the event
}

// person returns the user described by a snapshot.
func person(d snapshot) vendors.User {
	return vendors.User{
		ID: d.UserID, Email: d.Email, FirstName: d.FirstName, LastName: d.LastName,
		Locale: d.Locale, TimeZone: d.TimeZone, Phone: d.Phone, Attributes: object(d.Attributes),
	}
}

// provision looks up the account before creating one: no vendor promises to reject a second
// creation, and only upserts treat a repeat as a repeat. provision never overwrites a newer
// snapshot.
func provision(ctx context.Context, v Vendor, u vendors.User, k Known) (Reply, error) {
	p, ok := vendors.Port[vendors.Provisioner](v.Adapter)
	if !ok {
		return unsupported, nil
	}
	there := Reply{Outcome: events.AlreadyDone, Account: k.Account, Action: events.ActionNone, MatchedBy: events.MatchedByRecord}
	if _, upserts := vendors.Port[vendors.Addresser](v.Adapter); k.known() && !k.PerhapsRemoved && (!upserts || k.Outdated) {
		return there, nil
	}
	if back, err := reinstate(ctx, v, u, k); !errors.Is(err, vendors.ErrNotFound) {
		return back, err
	}
	found, by, err := v.find(ctx, p, u)
	switch {
	case err == nil && k.PerhapsRemoved && k.known() && found.ID == k.Account.ID:
		return there, nil
	case err == nil:
		return v.adopt(found, by, u, k)
	case !errors.Is(err, vendors.ErrNotFound):
		return Reply{}, err
	}
	if k.PerhapsRemoved {
		k.Active = false // the account was removed
	}
	if err := v.mayRevive(ctx, u, k); err != nil {
		return Reply{}, err
	}
	return create(ctx, v, p, u, k)
}

// create creates the account of a user whom the vendor does not show.
func create(ctx context.Context, v Vendor, p vendors.Provisioner, u vendors.User, k Known) (Reply, error) {
	made, err := p.Create(ctx, k.From, u)
	made, err = v.proper("create", true, made, err)
	if err == nil && made.Existed {
		return v.adopt(made, events.MatchedByEmail, u, k)
	}
	r := created(made, u)
	if k.known() { // an upsert
		r.Action, r.MatchedBy = events.ActionUpdated, events.MatchedByUserID
	}
	if vendors.IsUnknown(err) {
		if found, _, lookErr := v.find(ctx, p, u); lookErr == nil {
			return created(found, u), nil
		}
	}
	return r.with(err)
}

// created returns the reply for an account that Usher has created.
func created(made vendors.Account, u vendors.User) Reply {
	return Reply{Outcome: events.Done, Account: made, Action: events.ActionCreated, Changed: fieldsOf(u)}
}

// adopt returns the reply for an account found at the vendor, if the user may get the account. An
// unconfirmed attempt may have created the account.
func (v Vendor) adopt(found vendors.Account, by string, u vendors.User, k Known) (Reply, error) {
	if err := v.adopts(found, u.ID); err != nil {
		return Reply{}, err
	}
	if k.Unconfirmed {
		r := created(found, u)
		r.Found = true
		return r, nil
	}
	return Reply{Outcome: events.AlreadyDone, Account: found, Found: true, Action: events.ActionAdopted, MatchedBy: by}, nil
}

// fieldsOf returns the names of the fields that a creation or an update writes.
func fieldsOf(u vendors.User) (names []string) {
	for _, f := range []struct {
		name  string
		empty bool
	}{
		{"email", u.Email == ""},
		{"first_name", u.FirstName == ""},
		{"last_name", u.LastName == ""},
		{"locale", u.Locale == ""},
		{"time_zone", u.TimeZone == ""},
		{"phone", u.Phone == ""},
		{"attributes", len(u.Attributes) == 0},
	} {
		if !f.empty {
			names = append(names, f.name)
		}
	}
	return names
}
