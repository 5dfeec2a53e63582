// Package magloft speaks to MagLoft, a platform for digital publishing, by its
// Portal API v1.
//
// The original document knows only clients: sub-users of the portal, that is
// editors. The people who read are readers, and what they may read is a custom
// subscription; these calls stand on further pages of the same document
// (https://api.docs.magloft.com/portal-api/readers and …/custom_subscriptions).
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

// BaseURL is where the document says that the API is.
const BaseURL = "https://www.magloft.com/api/portal/v1"

// The modes: what an account of ours is at MagLoft.
const (
	ModeClients = "clients" // a portal editor, the only kind that the original document has
	ModeReaders = "readers" // a customer of one app
)

// Config is what a client of MagLoft is made from. AccessToken is required, and
// AppID in the mode readers.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is BaseURL where it is empty
	AccessToken      vendors.Secret   `yaml:"access_token" env:"ACCESS_TOKEN"` // X-Magloft-Accesstoken, from the user's profile page in the portal; it does not end
	Mode             string           `yaml:"mode" env:"MODE"`                 // ModeClients where it is empty
	AppID            string           `yaml:"app_id" env:"APP_ID"`             // the app (publication) whose readers ours are
}

// Defaults returns a Config without credentials, in mode clients. The document
// states no limit on calls; 5 a second is careful.
func Defaults() Config {
	return Config{Settings: vendors.DefaultSettings(BaseURL, 5), Mode: ModeClients}
}

// Needs says what turns MagLoft on: readers need their app, too.
func (c Config) Needs() vendors.Needs {
	n := vendors.Needs{Credentials: []string{"access_token"}, More: []string{"base_url"}}
	if c.Mode == ModeReaders {
		n.More = append(n.More, "app_id")
	}
	return n
}

// Faults refuses a mode that there is not.
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

// API makes the documented calls of MagLoft, one method each. It is safe for
// use by many goroutines. Those of readers and subscriptions need an app id.
type API struct {
	calls *vendors.Client
	app   string // escaped
}

// NewAPI returns a client for the calls alone.
func NewAPI(c Config) *API {
	c.BaseURL = cmp.Or(c.BaseURL, BaseURL)
	auth := vendors.StaticAuth{"X-Magloft-Accesstoken": c.AccessToken}
	return &API{calls: vendors.NewClient(vendor, c.Options(), auth, c.AccessToken), app: escape(c.AppID)}
}

// Query is the parameters of the paged lists. What is zero is not sent.
type Query struct {
	Page        int    // stands in the path; 1 where it is zero
	PerPage     int    // the default is not documented
	OrderBy     string // a field
	OrderDir    string // asc or desc
	Filter      string // a text; which fields it is looked for in is not documented: compare what comes
	Publication int    // clients only
}

// path is that of the page.
func (q Query) path(collection string) string {
	return collection + "/page/" + strconv.Itoa(max(1, q.Page))
}

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
	Total   vendors.Int `json:"total"` // of all pages
	Page    vendors.Int `json:"page"`
	Records []T         `json:"records"` // nil where the answer had none: then it is no list
}

// list gets one page. A page that is not there is a wrong base URL or app id.
func list[T any](ctx context.Context, a *API, op, path string, q url.Values) (Page[T], error) {
	var page Page[T]
	err := a.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: q, Out: &page})
	if err == nil && page.Records == nil {
		err = odd(op, "the answer has no records: it is not the list that the vendor documents")
	}
	return page, vendors.UnusableIfGone(err)
}

// send makes a call and returns the record that it answers with.
func send[T any](ctx context.Context, a *API, c vendors.Call) (T, error) {
	var record T
	c.Out = &record
	err := a.calls.Do(ctx, c)
	return record, err
}

// odd is the error of an answer with a good status that says something else
// than what was asked.
func odd(op, message string) *vendors.Error {
	return &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Message: message}
}

// escape writes a part of a path. PathEscape leaves + alone, which some servers
// take for a blank.
func escape(part string) string {
	return strings.ReplaceAll(url.PathEscape(part), "+", "%2B")
}
