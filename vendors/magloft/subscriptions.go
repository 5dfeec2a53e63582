package magloft

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Subscription is a reader's access for a period (Portal API, Custom Subscriptions). Dates are
// YYYY-MM-DD; the last day is included.
type Subscription struct {
	ID        vendors.Int        `json:"id"`
	OrderID   string             `json:"order_id"`
	Source    string             `json:"source"` // custom
	UserID    string             `json:"user_id"`
	Active    vendors.Flag       `json:"active"`
	StartDate string             `json:"start_date"`
	EndDate   string             `json:"end_date"`
	CreatedAt string             `json:"created_at"`
	Reader    SubscriptionReader `json:"reader"`
	Status    string             `json:"status"`   // updated in the sample
	Password  vendors.Secret     `json:"password"` // of a reader that the call created
	// ClassificationIDs is a parameter of the calls. In the document's samples only the reader
	// shows classifications, the subscription does not.
	ClassificationIDs []vendors.Int `json:"classification_ids"`
}

// SubscriptionReader is the reader of a subscription.
type SubscriptionReader struct {
	ID         vendors.Int    `json:"id"`
	Email      string         `json:"email"`
	CustomData map[string]any `json:"custom_data"`
	Confirmed  vendors.Flag   `json:"confirmed"`
}

// SubscriptionFields is the body of the calls that create and update a subscription (Portal
// API, Custom Subscriptions). Empty and nil fields are not sent. Only a creation requires a
// field: the e-mail. An update accepts dates, Active and CustomData.
type SubscriptionFields struct {
	Email             string
	Password          vendors.Secret
	StartDate         string // YYYY-MM-DD
	EndDate           string // YYYY-MM-DD, included
	Active            *bool
	CustomData        map[string]string
	Firstname         string
	Lastname          string
	Confirmation      *bool // whether MagLoft sends the reader an e-mail
	Upsert            *bool // update an existing subscription of the e-mail
	ClassificationIDs []int // added to the present ones or replacing them: undocumented
}

// MarshalJSON writes the set fields, with the password in clear text for the vendor.
func (f SubscriptionFields) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	texts := map[string]string{
		"email": f.Email, "password": f.Password.Reveal(), "start_date": f.StartDate, "end_date": f.EndDate,
		"firstname": f.Firstname, "lastname": f.Lastname,
	}
	for name, value := range filled(texts) {
		fields[name] = value
	}
	for name, value := range map[string]*bool{"active": f.Active, "confirmation": f.Confirmation, "upsert": f.Upsert} {
		if value != nil {
			fields[name] = *value
		}
	}
	if f.CustomData != nil {
		fields["custom_data"] = f.CustomData
	}
	if f.ClassificationIDs != nil {
		fields["classification_ids"] = f.ClassificationIDs
	}
	return json.Marshal(fields)
}

func (a *API) subscriptionsPath() string { return "/custom_subscriptions/" + a.app }

func (a *API) subscriptionPath(subscriptionID int) string {
	return a.subscriptionsPath() + "/" + strconv.Itoa(subscriptionID)
}

// ListSubscriptions is GET /custom_subscriptions/{app} (Portal API, Custom Subscriptions,
// List). The document does not say whether the list is complete or a first page.
func (a *API) ListSubscriptions(ctx context.Context) (Page[Subscription], error) {
	return list[Subscription](ctx, a, vendors.Call{Op: "list subscriptions", Path: a.subscriptionsPath()})
}

// PageSubscriptions is GET /custom_subscriptions/{app}/page/{page} (Portal API, Custom
// Subscriptions, paginated list).
func (a *API) PageSubscriptions(ctx context.Context, q Query) (Page[Subscription], error) {
	return list[Subscription](ctx, a, q.call("page subscriptions", a.subscriptionsPath()))
}

// SubscriptionByEmail is GET /custom_subscriptions/{app}/{email} (Portal API, Custom
// Subscriptions, Get). Compare the e-mail in the response.
func (a *API) SubscriptionByEmail(ctx context.Context, email string) (Subscription, error) {
	return a.subscription(ctx, a.subscriptionsPath()+"/"+escape(email), a.listsSubscriptions)
}

// SubscriptionByID is GET /custom_subscriptions/{app}/{id} with MagLoft's id (Portal API,
// Custom Subscriptions, Get).
func (a *API) SubscriptionByID(ctx context.Context, subscriptionID int) (Subscription, error) {
	return a.subscription(ctx, a.subscriptionPath(subscriptionID), nil)
}

// listsSubscriptions returns an error unless MagLoft lists subscriptions. A subscription that is
// not shown by e-mail is then searched in the list.
func (a *API) listsSubscriptions(ctx context.Context) error {
	_, err := a.PageSubscriptions(ctx, Query{PerPage: 1})
	return err
}

func (a *API) subscription(ctx context.Context, path string, control func(context.Context) error) (Subscription, error) {
	return send[Subscription](ctx, a, vendors.Call{Op: "get subscription", Method: http.MethodGet, Path: path, Control: control})
}

// CreateSubscription is POST /custom_subscriptions/{app} (Portal API, Custom Subscriptions,
// Create): creates a subscription, and a reader for an unknown e-mail. With Upsert the call
// updates an existing subscription of the e-mail and is repeatable.
func (a *API) CreateSubscription(ctx context.Context, f SubscriptionFields) (Subscription, error) {
	return send[Subscription](ctx, a, vendors.Call{
		Op: "create subscription", Method: http.MethodPost, Path: a.subscriptionsPath(), JSON: f,
		Repeatable: f.Upsert != nil && *f.Upsert, NoContent: new(bool),
	})
}

// UpdateSubscription is PUT /custom_subscriptions/{app}/{id} (Portal API, Custom Subscriptions,
// Update): changes the given fields. A repeat has no further effect. The response is ignored;
// see UpdateClient.
func (a *API) UpdateSubscription(ctx context.Context, subscriptionID int, f SubscriptionFields) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "update subscription", Method: http.MethodPut, Path: a.subscriptionPath(subscriptionID), JSON: f, Repeatable: true,
	})
}

// DeleteSubscription is DELETE /custom_subscriptions/{app}/{id} (Portal API, Custom
// Subscriptions, Delete). A repeat has no further effect.
func (a *API) DeleteSubscription(ctx context.Context, subscriptionID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "delete subscription", Method: http.MethodDelete, Path: a.subscriptionPath(subscriptionID), Repeatable: true,
	})
}
