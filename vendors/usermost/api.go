// Package usermost is a client of Usermost, for users and events, written from the page "Rest
// API" of the documents (https://usermost.com/documents/rest-api/) and the following pages
// about tracking users and events.
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

// BaseURL is the documented URL of the API.
const BaseURL = "https://api.usermost.com"

// Config configures a client of Usermost. License code and API key are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL defaults to BaseURL
	LicenseCode      vendors.Secret   `yaml:"license_code" env:"LICENSE_CODE"` // of the Usermost account; part of every path
	APIKey           vendors.Secret   `yaml:"api_key" env:"API_KEY"`           // of an account manager, with the manager's rights; does not expire
}

// Defaults returns a Config without credentials. Usermost documents no rate limit. The product
// behind its design allows 5,000 calls per minute; 50 per second is well below.
func Defaults() Config { return Config{Settings: vendors.DefaultSettings(BaseURL, 50)} }

// CanDelete returns false: the API documents no deletion of a user.
func (Config) CanDelete() bool { return false }

// Keys returns no key: users have our ids, and are not looked up.
func (Config) Keys() []string { return nil }

// Needs returns the settings that turn Usermost on.
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

// API has one method per documented call of Usermost. An API is safe for concurrent use. Both
// calls write; there is no documented call that reads.
type API struct {
	calls   *vendors.Client
	account string // /v1/accounts/<license code>
}

// NewAPI returns a client for the documented calls.
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

// classify makes 404 a fault of the configuration: the document calls 404 "Invalid URL", so the
// base URL or the license code is wrong.
func classify(status int, _ []byte) (vendors.Class, bool) {
	return vendors.Unusable, status == http.StatusNotFound
}

// User is the data of a user for Usermost (Rest API, users). Empty fields are not sent and stay
// unchanged. The page has UserID, FirstName and LastName; e-mail, phone and attributes are its
// "system attributes" and custom attributes, under the names of sibling products.
type User struct {
	UserID     string          `json:"userId,omitempty"` // our id; can never change
	FirstName  string          `json:"firstName,omitempty"`
	LastName   string          `json:"lastName,omitempty"`
	Email      string          `json:"email,omitempty"`
	Phone      string          `json:"phone,omitempty"`      // E.164
	Attributes json.RawMessage `json:"attributes,omitempty"` // a JSON object
}

// Event is an action of a user (Rest API, events).
type Event struct {
	UserID string          // ours
	Name   string          // fewer than 50 characters; names of system events are reserved
	At     time.Time       // sent in UTC, in seconds; zero is not sent
	Data   json.RawMessage // a JSON object; not sent if empty
}

// tracked is the JSON form of an Event.
type tracked struct {
	UserID    string          `json:"userId"`
	EventName string          `json:"eventName"`
	EventTime string          `json:"eventTime,omitempty"`
	EventData json.RawMessage `json:"eventData,omitempty"`
}

// eventTime is the documented pattern yyyy-MM-ddTHH:mm:ssZ. The document's example,
// 2013-01-26T07:31+0000, shows that Z stands for +0000.
const eventTime = "2006-01-02T15:04:05-0700"

// container is the JSON around every response.
type container struct {
	Response Answer `json:"response"`
}

// IsError reports whether a 2xx response is an error: a status other than success and queued.
// See post for a response without a status.
func (c *container) IsError() bool {
	return !slices.Contains([]string{"", "success", "queued"}, c.Response.Status)
}

// Answer is the content of every response:
// {"response":{"data":{…},"message":"…","status":"…"}}.
type Answer struct {
	Status  string          `json:"status"` // success or error; queued at a sibling product
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"` // an object in the document's sample; the members are undocumented for these calls
}

// UpsertUser is POST /v1/accounts/<license code>/users (Rest API, users): creates the user, or
// changes the fields sent. The call may be repeated. requestID is sent as x-request-id, unless
// empty.
func (a *API) UpsertUser(ctx context.Context, u User, requestID string) (Answer, error) {
	return a.post(ctx, "upsert user", usersPath, u, requestID)
}

// TrackEvent is POST /v1/accounts/<license code>/events (Rest API, events). A call with the
// requestID (hex) of an earlier call is dropped, within 4 hours according to the sibling
// products. Without a requestID, a repeat counts twice.
func (a *API) TrackEvent(ctx context.Context, e Event, requestID string) (Answer, error) {
	body := tracked{UserID: e.UserID, EventName: e.Name, EventData: e.Data}
	if !e.At.IsZero() {
		body.EventTime = e.At.UTC().Format(eventTime)
	}
	return a.post(ctx, "track event", "/events", body, requestID)
}

// post makes a call. A response without content is success, and has no Answer.
// The call is repeatable if Usermost recognizes a repeat.
func (a *API) post(ctx context.Context, op, path string, body any, requestID string) (Answer, error) {
	var out container
	call := vendors.Call{
		Op: op, Method: http.MethodPost, Path: a.account + path, JSON: body,
		Repeatable: requestID != "" || path == usersPath, Deduplicated: requestID != "", NoContent: new(bool), Out: &out,
	}
	if requestID != "" {
		call.Header = http.Header{"X-Request-Id": {requestID}}
	}
	err := a.calls.Do(ctx, call)
	if err == nil && out.Response.Status == "" && !*call.NoContent {
		err = &vendors.Error{
			Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: "the response has no member response with a status, unlike all documented responses",
			Unknown: !call.Repeatable,
		}
	}
	return out.Response, err
}
