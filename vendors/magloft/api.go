// Package magloft is a client of MagLoft, a platform for digital publishing, written from the
// Portal API v1.
//
// The original document has only clients: sub-users of the portal, that is, editors. Customers
// are readers, with access by custom subscriptions; further pages of the same document have
// these calls (https://api.docs.magloft.com/portal-api/readers and …/custom_subscriptions).
package magloft

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/vendors"
)

const vendor = "magloft"

// BaseURL is the documented URL of the API.
const BaseURL = "https://www.magloft.com/api/portal/v1"

// The modes: the kind of MagLoft account that our users get.
const (
	ModeClients = "clients" // a portal editor, the only kind in the original document
	ModeReaders = "readers" // a customer of one app
)

// Config configures a client of MagLoft. AccessToken is required, and AppID in mode readers.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL defaults to BaseURL
	AccessToken      vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"` // X-Magloft-Accesstoken, from the user's profile page in the portal; does not expire
	Mode             string           `yaml:"mode" env:"MODE"`                 // default ModeClients
	AppID            string           `yaml:"app_id" env:"APP_ID"`             // the app (publication) of the readers
}

// Defaults returns a Config without credentials, in mode clients. The document has no rate
// limit; 5 calls per second is a careful choice.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings(BaseURL, 5), Mode: ModeClients}
}

// Needs returns the settings that turn MagLoft on. Mode readers needs an app id too.
func (c Config) Needs() vendors.Needs {
	n := vendors.Needs{Credentials: []string{"access_token"}, More: []string{"base_url"}}
	if c.Mode == ModeReaders {
		n.More = append(n.More, "app_id")
	}
	return n
}

// Faults returns the fault of an unknown mode.
func (c Config) Faults() []vendors.Fault {
	return vendors.OneOf("mode", c.Mode, ModeClients, ModeReaders)
}

// Validate returns all faults of c, joined, or nil. An empty base URL is BaseURL, an
// empty mode is ModeClients.
func (c Config) Validate() error {
	c.Mode = cmp.Or(c.Mode, ModeClients)
	faults := slices.Concat(
		c.Faults(),
		vendors.RequireURL("base_url", cmp.Or(c.BaseURL, BaseURL)),
		vendors.Require("access_token", c.AccessToken.Reveal()),
	)
	if c.Mode == ModeReaders {
		faults = append(faults, vendors.Require("app_id", c.AppID)...)
	}
	return vendors.InvalidConfig(vendor, faults)
}

// API has one method per documented call of MagLoft. An API is safe for concurrent use. Calls
// for readers and subscriptions need an app id.
type API struct {
	calls *vendors.Client
	app   string // escaped
}

// NewAPI returns a client for the documented calls.
func NewAPI(c Config) *API {
	c.BaseURL = cmp.Or(c.BaseURL, BaseURL)
	auth := vendors.StaticAuth{"X-Magloft-Accesstoken": c.AccessToken}
	return &API{calls: vendors.NewClient(vendor, c.Options(), auth, c.AccessToken), app: escape(c.AppID)}
}

// Query has the parameters of paged lists. Zero values are not sent.
type Query struct {
	Page        int    // part of the path; default 1
	PerPage     int    // the default is undocumented
	OrderBy     string // a field
	OrderDir    string // asc or desc
	Filter      string // text to search for in undocumented fields: compare the results
	Publication int    // clients only
}

// call returns the call that reads a page of a collection.
func (q Query) call(op, collection string) vendors.Call {
	path := collection + "/page/" + strconv.Itoa(max(1, q.Page))
	return vendors.Call{Op: op, Path: path, Query: q.values(), Further: q.Page > 1, Items: q.PerPage}
}

// values returns the query string parameters.
func (q Query) values() url.Values {
	v := url.Values{}
	text := func(name, value string) {
		if value != "" && value != "0" {
			v.Set(name, value)
		}
	}
	text("per_page", strconv.Itoa(q.PerPage))
	text("order_by", q.OrderBy)
	text("order_dir", q.OrderDir)
	text("filter", q.Filter)
	text("publication_id", strconv.Itoa(q.Publication))
	return v
}

// Page is one page of a list.
type Page[T any] struct {
	Total   vendors.Int `json:"total"` // records on all pages
	Page    vendors.Int `json:"page"`
	Records []T         `json:"records"`
}

// list returns one page. A missing page means a wrong base URL or app id.
func list[T any](ctx context.Context, a *API, c vendors.Call) (Page[T], error) {
	var page Page[T]
	c.Method, c.Out = http.MethodGet, &page
	err := a.calls.Do(ctx, c)
	empty := page.Page > 0 && page.Total == 0 // with null for the list
	if err == nil && page.Records == nil && !empty {
		err = odd(c.Op, "the response has no records, unlike the list of the vendor's document")
	}
	return page, vendors.UnusableIfGone(err)
}

// send makes a call and returns the record in the response.
func send[T any](ctx context.Context, a *API, c vendors.Call) (T, error) {
	var record T
	c.Out = &record
	err := a.calls.Do(ctx, c)
	return record, err
}

// shows returns a control for a look-up by get: an error unless MagLoft shows the first record of
// the list, if any.
func shows[R any](page pages[R], id func(R) vendors.Int, get func(context.Context, int) (R, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		list, err := page(ctx, Query{PerPage: 1, OrderBy: "id", OrderDir: "asc"})
		if err != nil || len(list.Records) == 0 {
			return err
		}
		first := id(list.Records[0])
		shown, err := get(ctx, int(first))
		if err == nil && (first <= 0 || id(shown) != first) {
			err = odd("show", "the response is not the requested record")
		}
		return err
	}
}

// odd returns the error of a 200 response with unexpected content.
func odd(op, message string) *vendors.Error {
	return &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: message}
}

// escape escapes a path segment. url.PathEscape leaves "+" alone, which some servers read as a
// space.
func escape(part string) string {
	return strings.ReplaceAll(url.PathEscape(part), "+", "%2B")
}
