package magloft

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Subscription is what a reader may read, for a time (Portal API, Custom
// Subscriptions). Days are YYYY-MM-DD, and the last one counts.
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
	Password  vendors.Secret     `json:"password"` // of a reader whom the call made
	// ClassificationIDs is what the calls take; the document's sample of the
	// answer does not show it, that of the reader does.
	ClassificationIDs []vendors.Int `json:"classification_ids"`
}

// SubscriptionReader is the part of the reader that a subscription shows.
type SubscriptionReader struct {
	ID         vendors.Int    `json:"id"`
	Email      string         `json:"email"`
	CustomData map[string]any `json:"custom_data"`
	Confirmed  vendors.Flag   `json:"confirmed"`
}

// SubscriptionFields are the body of the calls that create and update a
// subscription. What is empty or nil is not sent. Only the e-mail is required,
// and only to create; an update takes days, Active and CustomData.
type SubscriptionFields struct {
	Email             string
	Password          vendors.Secret
	StartDate         string // YYYY-MM-DD
	EndDate           string // YYYY-MM-DD; that day counts
	Active            *bool
	CustomData        map[string]string
	Firstname         string
	Lastname          string
	Confirmation      *bool // whether MagLoft sends the reader an e-mail
	Upsert            *bool // update the subscription that the e-mail has
	ClassificationIDs []int // whether they add to those that are there or replace them is not documented
}

// MarshalJSON writes what is set, the password too: it goes to the vendor.
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

// ListSubscriptions returns the app's subscriptions (Portal API, Custom
// Subscriptions, List). Whether it is all of them or a first page is not documented.
func (a *API) ListSubscriptions(ctx context.Context) (Page[Subscription], error) {
	return list[Subscription](ctx, a, vendors.Call{Op: "list subscriptions", Path: a.subscriptionsPath()})
}

// PageSubscriptions returns one page of the app's subscriptions (Portal API,
// Custom Subscriptions, paginated list).
func (a *API) PageSubscriptions(ctx context.Context, q Query) (Page[Subscription], error) {
	return list[Subscription](ctx, a, q.call("page subscriptions", a.subscriptionsPath()))
}

// SubscriptionByEmail returns the subscription of the reader with the e-mail
// (Portal API, Custom Subscriptions, Get). Compare the e-mail that comes.
func (a *API) SubscriptionByEmail(ctx context.Context, email string) (Subscription, error) {
	return a.subscription(ctx, a.subscriptionsPath()+"/"+escape(email))
}

// SubscriptionByID returns the subscription with MagLoft's id (Portal API,
// Custom Subscriptions, Get).
func (a *API) SubscriptionByID(ctx context.Context, subscriptionID int) (Subscription, error) {
	return a.subscription(ctx, a.subscriptionPath(subscriptionID))
}

func (a *API) subscription(ctx context.Context, path string) (Subscription, error) {
	return send[Subscription](ctx, a, vendors.Call{Op: "get subscription", Method: http.MethodGet, Path: path})
}

// CreateSubscription makes a subscription, and the reader where the e-mail has
// none (Portal API, Custom Subscriptions, Create). With Upsert it updates the
// one that the e-mail has, and may be repeated.
func (a *API) CreateSubscription(ctx context.Context, f SubscriptionFields) (Subscription, error) {
	return send[Subscription](ctx, a, vendors.Call{
		Op: "create subscription", Method: http.MethodPost, Path: a.subscriptionsPath(), JSON: f,
		Repeatable: f.Upsert != nil && *f.Upsert,
	})
}

// UpdateSubscription changes the fields given (Portal API, Custom
// Subscriptions, Update). It may be repeated. The answer is not read: see UpdateClient.
func (a *API) UpdateSubscription(ctx context.Context, subscriptionID int, f SubscriptionFields) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "update subscription", Method: http.MethodPut, Path: a.subscriptionPath(subscriptionID), JSON: f, Repeatable: true,
	})
}

// DeleteSubscription removes a subscription (Portal API, Custom Subscriptions,
// Delete). It may be repeated.
func (a *API) DeleteSubscription(ctx context.Context, subscriptionID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "delete subscription", Method: http.MethodDelete, Path: a.subscriptionPath(subscriptionID), Repeatable: true,
	})
}
