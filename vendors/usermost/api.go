// Package usermost speaks to Usermost: users and events, by the page "Rest API"
// of its documents (https://usermost.com/documents/rest-api/) and the pages on
// tracking users and events that follow it.
package usermost

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/usherhq/usher/vendors"
)

const (
	vendor    = "usermost"
	usersPath = "/users"
)

// BaseURL is where the document says that the API is.
const BaseURL = "https://api.usermost.com"

// Config is what a client of Usermost is made from. The license code and the
// API key are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is BaseURL where it is empty
	LicenseCode      vendors.Secret   `yaml:"license_code" env:"LICENSE_CODE"` // of the Usermost account; it stands in every path
	APIKey           vendors.Secret   `yaml:"api_key" env:"API_KEY"`           // of an account manager, whose rights it has; it does not end
}

// Defaults returns a Config without credentials. Usermost states no limit on
// calls; the product that it is modelled on allows 5,000 a minute, and 50 a
// second is well below.
func Defaults() Config { return Config{Settings: vendors.DefaultSettings(BaseURL, 50)} }

// Needs says what turns Usermost on.
func (Config) Needs() vendors.Needs {
	return vendors.Needs{Credentials: []string{"license_code", "api_key"}, More: []string{"base_url"}}
}

// Validate returns all faults of c, joined, or nil. An empty base URL is BaseURL.
func (c Config) Validate() error {
	return vendors.InvalidConfig(vendor, slices.Concat(
		vendors.RequireURL("base_url", cmp.Or(c.BaseURL, BaseURL)),
		vendors.Require("license_code", c.LicenseCode.Reveal()),
		vendors.Require("api_key", c.APIKey.Reveal()),
	))
}

// API makes the documented calls of Usermost, one method each. It is safe for
// use by many goroutines. Both calls write; Usermost documents none that reads.
type API struct {
	calls   *vendors.Client
	account string // /v1/accounts/<license code>
}

// NewAPI returns a client for the calls alone.
func NewAPI(c Config) *API {
	c.BaseURL = cmp.Or(c.BaseURL, BaseURL)
	auth := vendors.StaticAuth{"Authorization": "Bearer " + c.APIKey}
	a := &API{
		calls:   vendors.NewClient(vendor, c.Options(), auth, c.APIKey, c.LicenseCode),
		account: "/v1/accounts/" + url.PathEscape(c.LicenseCode.Reveal()),
	}
	a.calls.ClassifyResponse(classify)
	return a
}

// judge takes 404 as the document does: "Invalid URL", so that the base URL or
// the license code is wrong, whatever the event.
func classify(status int, _ []byte) (vendors.Class, bool) {
	return vendors.Unusable, status == http.StatusNotFound
}

// User is what Usermost is told of a user. What is empty is not sent, and stays
// as it is there. Only UserID, FirstName and LastName stand in the page itself;
// e-mail, phone and attributes are its "system attributes" and custom ones,
// under the names that sibling products use.
type User struct {
	UserID     string          `json:"userId,omitempty"` // ours; it can never change
	FirstName  string          `json:"firstName,omitempty"`
	LastName   string          `json:"lastName,omitempty"`
	Email      string          `json:"email,omitempty"`
	Phone      string          `json:"phone,omitempty"`      // E.164
	Attributes json.RawMessage `json:"attributes,omitempty"` // a JSON object
}

// Event is something a user did.
type Event struct {
	UserID string          // ours
	Name   string          // shorter than 50 characters; names of system events are Usermost's own
	At     time.Time       // sent in UTC, with seconds; not sent where it is zero
	Data   json.RawMessage // a JSON object; not sent if empty
}

// tracked is an Event as it goes over the wire.
type tracked struct {
	UserID    string          `json:"userId"`
	EventName string          `json:"eventName"`
	EventTime string          `json:"eventTime,omitempty"`
	EventData json.RawMessage `json:"eventData,omitempty"`
}

// eventTime is the documented pattern yyyy-MM-ddTHH:mm:ssZ, whose example,
// 2013-01-26T07:31+0000, shows that Z stands for +0000.
const eventTime = "2006-01-02T15:04:05-0700"

// container is what every answer is wrapped in.
type container struct {
	Response Answer `json:"response"`
}

// Refused tells whether a 2xx is a refusal: where its status is neither success
// nor queued. One without a status is no answer at all: see post.
func (c *container) IsError() bool {
	return !slices.Contains([]string{"", "success", "queued"}, c.Response.Status)
}

// Answer is what the container of every answer holds: {"response":{"data":{…},"message":"…","status":"…"}}.
type Answer struct {
	Status  string          `json:"status"` // success or error; queued at a sibling product
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"` // an object in the document's sample, which does not say what for these calls
}

// UpsertUser is POST /v1/accounts/<license code>/users: it makes the user, or
// changes what is sent. It may be repeated at will. requestID goes as
// x-request-id, and is left out where it is empty.
func (a *API) UpsertUser(ctx context.Context, u User, requestID string) (Answer, error) {
	return a.post(ctx, "upsert user", usersPath, u, requestID)
}

// TrackEvent is POST /v1/accounts/<license code>/events. A call with the
// requestID (hex) of an earlier one is dropped, within 4 hours as the sibling
// products say; without one, a repeat counts twice.
func (a *API) TrackEvent(ctx context.Context, e Event, requestID string) (Answer, error) {
	body := tracked{UserID: e.UserID, EventName: e.Name, EventData: e.Data}
	if !e.At.IsZero() {
		body.EventTime = e.At.UTC().Format(eventTime)
	}
	return a.post(ctx, "track event", "/events", body, requestID)
}

// post makes a call. It may be repeated where Usermost knows a repeat.
func (a *API) post(ctx context.Context, op, path string, body any, requestID string) (Answer, error) {
	var out container
	call := vendors.Call{
		Op: op, Method: http.MethodPost, Path: a.account + path, JSON: body,
		Repeatable: requestID != "" || path == usersPath, Deduplicated: requestID != "", Out: &out,
	}
	if requestID != "" {
		call.Header = http.Header{"X-Request-Id": {requestID}}
	}
	err := a.calls.Do(ctx, call)
	if err == nil && out.Response.Status == "" {
		err = &vendors.Error{
			Vendor: vendor, Op: op, Status: http.StatusOK, Message: "the answer has no response with a status, in which all of Usermost's are wrapped",
			Unknown: !call.Repeatable,
		}
	}
	return out.Response, err
}
