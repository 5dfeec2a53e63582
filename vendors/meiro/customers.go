package meiro

import (
	"cmp"
	"context"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Customers tells Meiro of customers by events: a customer comes into being by
// the first event that names them. Nothing can be read back, and every event
// may be sent again, since Pipes drops what it has seen.
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

// The types of the events that are sent, beside the names of activities.
const (
	typeCreated      = "user_created"
	typeUpdated      = "user_updated"
	typeDeleted      = "user_deleted"
	typeRestored     = "user_restored"
	typeEnrollment   = "enrollment_requested"
	typeCancellation = "enrollment_cancelled"
)

// Check posts an empty object, since the collect URL has nothing to read. A
// source that answers, be it that this is no event, is there.
func (c *Customers) Check(ctx context.Context) error {
	err := c.api.CollectNothing(ctx)
	if status := vendors.StatusOf(err); status == http.StatusBadRequest || status == http.StatusUnprocessableEntity {
		return nil
	}
	return err
}

// AccountOf returns the account by our own id: customers have no other.
func (c *Customers) AccountOf(userID string) vendors.Account { return vendors.Account{ID: userID} }

// Find returns vendors.ErrNotFound: events cannot be read back, and Create may be repeated.
func (c *Customers) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

// Create sends user_created with what the event told of the user.
func (c *Customers) Create(ctx context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error) {
	if err := c.send(ctx, from, typeCreated, identifiers(u.ID, u.Email), told(u)); err != nil {
		return vendors.Account{}, err
	}
	return c.AccountOf(u.ID), nil
}

// Update sends user_updated with what the event told of the user, as Create does.
func (c *Customers) Update(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) error {
	return c.send(ctx, from, typeUpdated, identifiers(a.ID, u.Email), told(u))
}

// told is what an event says of the user.
func told(u vendors.User) map[string]any {
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

// Delete sends user_deleted. Meiro has no call that erases a customer: what the
// event sets off is up to the workspace.
func (c *Customers) Delete(ctx context.Context, from vendors.Origin, a vendors.Account) error {
	return c.send(ctx, from, typeDeleted, identifiers(a.ID, ""), map[string]any{})
}

// Restore sends user_restored, the counterpart of user_deleted: what it sets off
// is up to the workspace, too.
func (c *Customers) Restore(ctx context.Context, from vendors.Origin, a vendors.Account, u vendors.User) (vendors.Account, error) {
	account := c.AccountOf(cmp.Or(a.ID, u.ID))
	return account, c.send(ctx, from, typeRestored, identifiers(account.ID, ""), map[string]any{})
}

// Enroll sends enrollment_requested with our id of the course. The customer is
// named by our id alone, which user_created has tied to the e-mail.
func (c *Customers) Enroll(ctx context.Context, e vendors.Enrollment) error {
	payload := map[string]any{"course_id": e.Course.Ours}
	put(payload, "starts_on", e.StartsOn)
	put(payload, "ends_on", e.EndsOn)
	return c.send(ctx, e.Origin, typeEnrollment, identifiers(e.UserID, ""), payload)
}

// Unenroll sends enrollment_cancelled with our id of the course.
func (c *Customers) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	return c.send(ctx, e.Origin, typeCancellation, identifiers(e.UserID, ""), map[string]any{"course_id": e.Course.Ours})
}

// Renews says that Enroll may be repeated at will.
func (c *Customers) Renews() {}

// Track sends the activity under its own name, at the time when it happened.
func (c *Customers) Track(ctx context.Context, a vendors.Activity) error {
	payload := map[string]any{}
	if a.Properties != nil {
		payload["properties"] = a.Properties
	}
	at := a.Origin
	at.At = a.At
	return c.send(ctx, at, a.Name, identifiers(a.UserID, ""), payload)
}

// send makes an event of nothing but what from and the caller hold, so that a
// repeat is the same to Meiro.
func (c *Customers) send(ctx context.Context, from vendors.Origin, eventType string, who map[string]string, payload map[string]any) error {
	payload["origin"] = from.Key
	return c.api.Collect(ctx, Event{Type: eventType, At: from.At, Identifiers: who, Payload: payload})
}

func identifiers(userID, email string) map[string]string {
	who := map[string]string{"user_id": userID}
	if email != "" {
		who["email"] = email
	}
	return who
}

func put(payload map[string]any, name, value string) {
	if value != "" {
		payload[name] = value
	}
}
