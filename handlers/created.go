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
	return Handler{Type: events.UserCreated, Scope: events.ScopeOf(events.UserCreated), Change: "create", Snapshot: true, Supports: always, Plan: planCreated}
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
		return provision(ctx, v.Adapter, u, k)
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
func provision(ctx context.Context, adapter vendors.Adapter, u vendors.User, k Known) (Reply, error) {
	p, ok := adapter.(vendors.Provisioner)
	if !ok {
		return unsupported, nil
	}
	if _, upserts := adapter.(vendors.Addresser); k.known() && (!upserts || k.Outdated) {
		return Reply{Outcome: events.AlreadyDone, Account: k.Account}, nil
	}
	found, err := p.Find(ctx, u)
	switch {
	case err == nil:
		return Reply{Outcome: k.found(), Account: found, Found: true}, nil
	case !errors.Is(err, vendors.ErrNotFound):
		return Reply{}, err
	}
	made, err := p.Create(ctx, k.From, u)
	if err == nil {
		return Reply{Outcome: events.Done, Account: made}, nil
	}
	if vendors.IsUnknown(err) {
		if found, lookErr := p.Find(ctx, u); lookErr == nil {
			return Reply{Outcome: events.Done, Account: found}, nil
		}
	}
	return Reply{}, err
}
