package meiro

import (
	"cmp"
	"context"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Customers reports customers to Meiro by events. The first event about a customer creates the
// customer. Nothing can be read back. Every event may be sent again, because Pipes drops
// repeats.
type Customers struct {
	api *API
}

// The ports of Customers.
var (
	_ vendors.Checker       = (*Customers)(nil)
	_ vendors.Addresser     = (*Customers)(nil)
	_ vendors.Provisioner   = (*Customers)(nil)
	_ vendors.Updater       = (*Customers)(nil)
	_ vendors.Deprovisioner = (*Customers)(nil)
	_ vendors.Restorer      = (*Customers)(nil)
	_ vendors.Renewer       = (*Customers)(nil)
	_ vendors.Unenroller    = (*Customers)(nil)
	_ vendors.Tracker       = (*Customers)(nil)
)

// The types of the events, in addition to the names of activities.
const (
	typeCreated      = "user_created"
	typeUpdated      = "user_updated"
	typeDeleted      = "user_deleted"
	typeRestored     = "user_restored"
	typeEnrollment   = "enrollment_requested"
	typeCancellation = "enrollment_cancelled"
)

// Check posts an empty object, because a collect URL has nothing to read. A source that rejects
// the object exists.
func (c *Customers) Check(ctx context.Context) error {
	err := c.api.CollectNothing(ctx)
	if status := vendors.StatusOf(err); status == http.StatusBadRequest || status == http.StatusUnprocessableEntity {
		return nil
	}
	return err
}

// AccountOf returns the account with our user id, the only id of customers.
func (c *Customers) AccountOf(userID string) vendors.Account { return vendors.Account{ID: userID} }

// Find returns vendors.ErrNotFound: events cannot be read back, and Create may be repeated.
func (c *Customers) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

// Create sends user_created with the data of u.
func (c *Customers) Create(ctx context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error) {
	if err := c.send(ctx, from, typeCreated, identifiers(u.ID, u.Email), userData(u)); err != nil {
		return vendors.Account{}, err
	}
	return c.AccountOf(u.ID), nil
}

// Update sends user_updated with the data of u.
func (c *Customers) Update(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) error {
	return c.send(ctx, from, typeUpdated, identifiers(a.ID, u.Email), userData(u))
}

// userData returns the data of u for the payload of an event.
func userData(u vendors.User) map[string]any {
	payload := map[string]any{}
	for name, value := range map[string]string{
		"first_name": u.FirstName, "last_name": u.LastName, "locale": u.Locale, "time_zone": u.TimeZone, "phone": u.Phone,
	} {
		put(payload, name, value)
	}
	if u.Attributes != nil {
		payload["attributes"] = u.Attributes
	}
	return payload
}

// Delete sends user_deleted. Meiro has no call that erases a customer; the workspace decides
// about the effect of the event.
func (c *Customers) Delete(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	return c.send(ctx, from, typeDeleted, identifiers(a.ID, ""), map[string]any{})
}

// Restore sends user_restored, the counterpart of user_deleted. The workspace decides about the
// effect of the event.
func (c *Customers) Restore(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	account := c.AccountOf(cmp.Or(a.ID, u.ID))
	return account, c.send(ctx, from, typeRestored, identifiers(account.ID, ""), map[string]any{})
}

// Enroll sends enrollment_requested with our course id. The event has our user id without the
// e-mail; user_created has connected both.
func (c *Customers) Enroll(ctx context.Context, e vendors.Enrollment) error {
	payload := map[string]any{"course_id": e.Course.Ours}
	put(payload, "starts_on", e.StartsOn)
	put(payload, "ends_on", e.EndsOn)
	return c.send(ctx, e.Origin, typeEnrollment, identifiers(e.UserID, ""), payload)
}

// Unenroll sends enrollment_cancelled with our course id.
func (c *Customers) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	return c.send(ctx, e.Origin, typeCancellation, identifiers(e.UserID, ""), map[string]any{"course_id": e.Course.Ours})
}

// Renews marks Enroll as repeatable.
func (c *Customers) Renews() {}

// Track sends the activity under its own name, with the time of the activity.
func (c *Customers) Track(ctx context.Context, a vendors.Activity) error {
	payload := map[string]any{}
	if a.Properties != nil {
		payload["properties"] = a.Properties
	}
	at := a.Origin
	at.At = a.At
	return c.send(ctx, at, a.Name, identifiers(a.UserID, ""), payload)
}

// send sends an event made only from the arguments, so a repeat is identical for Meiro.
func (c *Customers) send(ctx context.Context, from vendors.Origin, eventType string, identifiers map[string]string, payload map[string]any) error {
	payload["origin"] = from.Key
	return c.api.Collect(ctx, Event{Type: eventType, At: from.At, Identifiers: identifiers, Payload: payload})
}

// identifiers returns the identifiers of a customer.
func identifiers(userID, email string) map[string]string {
	ids := map[string]string{"user_id": userID}
	if email != "" {
		ids["email"] = email
	}
	return ids
}

// put sets a member of the payload, unless the value is empty.
func put(payload map[string]any, name, value string) {
	if value != "" {
		payload[name] = value
	}
}
