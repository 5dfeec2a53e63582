// Package miestro speaks to Miestro, a platform for courses, by its document
// "API Documentation", version v1.0 of December 2020.
package miestro

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

const vendor = "miestro"

// BaseURL is where the document says that the API is.
const BaseURL = "https://api.miestro.com/api/v1.0"

// Config is what a client of Miestro is made from. The keys are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL is BaseURL where it is empty
	APIKey           vendors.Secret   `yaml:"api_key" env:"API_KEY"`       // X-Forward-Api-Key
	APISecret        vendors.Secret   `yaml:"api_secret" env:"API_SECRET"` // X-Forward-Api-Secret
}

// Defaults returns a Config without credentials. The document states no limit on
// calls; Miestro is a small hosted application, so 5 a second is careful.
func Defaults() Config { return Config{Settings: vendors.DefaultSettings(BaseURL, 5)} }

// Needs says what turns Miestro on.
func (Config) Needs() vendors.Needs {
	return vendors.Needs{Credentials: []string{"api_key", "api_secret"}, More: []string{"base_url"}}
}

// Validate returns all faults of c, joined, or nil. An empty base URL is BaseURL.
func (c Config) Validate() error {
	return vendors.InvalidConfig(vendor, slices.Concat(
		vendors.RequireURL("base_url", cmp.Or(c.BaseURL, BaseURL)),
		vendors.Require("api_key", c.APIKey.Reveal()),
		vendors.Require("api_secret", c.APISecret.Reveal()),
	))
}

// API makes the documented calls of Miestro, one method each. It is safe for
// use by many goroutines. The document gives no status codes at all.
type API struct {
	calls *vendors.Client
}

// NewAPI returns a client for the calls alone.
func NewAPI(c Config) *API {
	c.BaseURL = cmp.Or(c.BaseURL, BaseURL)
	auth := vendors.StaticAuth{"X-Forward-Api-Key": c.APIKey, "X-Forward-Api-Secret": c.APISecret}
	a := &API{calls: vendors.NewClient(vendor, c.Options(), auth, c.APIKey, c.APISecret)}
	a.calls.ClassifyResponse(classify)
	return a
}

// judge knows the one error that the document has: a sentence, without a status.
// In a user or a list it is no error: anybody may give themselves that name.
func classify(_ int, body []byte) (vendors.Class, bool) {
	if !bytes.Contains(body, []byte("Invalid Api Key or Api Secret credentials")) {
		return vendors.Again, false
	}
	var out struct {
		ID   json.RawMessage `json:"id"`
		Data json.RawMessage `json:"data"`
	}
	return vendors.Unusable, json.Unmarshal(body, &out) != nil || (isBlank(out.ID) && isBlank(out.Data))
}

// done is the {} that a change is answered with. The document has no statuses, so
// that an error may come with a good one.
type done struct {
	Error  json.RawMessage `json:"error"`
	Errors json.RawMessage `json:"errors"`
}

// UnmarshalJSON reads objects alone.
func (d *done) UnmarshalJSON(b []byte) error {
	type fields done
	if !bytes.HasPrefix(b, []byte("{")) {
		return errors.New("not an object")
	}
	return json.Unmarshal(b, (*fields)(d))
}

// Refused tells whether the answer is an error.
func (d *done) IsError() bool { return !isBlank(d.Error) || !isBlank(d.Errors) }

// isBlank reports whether a JSON member is missing, null, false or empty.
func isBlank(member json.RawMessage) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, member) != nil {
		return len(member) == 0
	}
	return slices.Contains([]string{"null", "false", `""`, "[]", "{}"}, compact.String())
}

// Query is the parameters of the two lists. What is zero is not sent.
type Query struct {
	Search string // users: in the name or the e-mail; courses: in the name
	Role   *Role  // users only
	Status Status // courses only
	SortBy string // "field:asc" or "field:desc"; created_at:desc where it is empty
	Count  int    // items on a page; 15 where it is zero; the greatest is not documented
	Page   int    // from 1, which it is where it is zero
}

// values writes the query as the document does: a filter is an item of query[]
// whose value holds another "name=value".
func (q Query) values() url.Values {
	v := url.Values{}
	filter := func(name, value string) {
		if value != "" {
			v.Add("query[]", name+"="+value)
		}
	}
	filter("search", q.Search)
	if q.Role != nil {
		filter("role", strconv.Itoa(int(*q.Role)))
	}
	if q.Status != 0 {
		filter("status", strconv.Itoa(int(q.Status)))
	}
	if q.SortBy != "" {
		v.Set("sortBy", q.SortBy)
	}
	if q.Count != 0 {
		v.Set("count", strconv.Itoa(q.Count))
	}
	if q.Page != 0 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	return v
}

// Page is one page of a list (Miestro API v1.0, Pagination). Its URLs drop the
// filters and the count: never follow them, count Page up instead.
type Page[T any] struct {
	CurrentPage  vendors.Int `json:"current_page"`
	Data         []T         `json:"data"` // nil where the answer had none: then it is no list
	FirstPageURL string      `json:"first_page_url"`
	From         vendors.Int `json:"from"` // 0 on an empty page
	LastPage     vendors.Int `json:"last_page"`
	LastPageURL  string      `json:"last_page_url"`
	NextPageURL  string      `json:"next_page_url"` // empty on the last page
	Path         string      `json:"path"`
	PerPage      vendors.Int `json:"per_page"` // a string in the document's samples
	PrevPageURL  string      `json:"prev_page_url"`
	To           vendors.Int `json:"to"`
	Total        vendors.Int `json:"total"`
}

// list gets one page. A page that is not there is a wrong base URL.
func list[T any](ctx context.Context, a *API, op, path string, q Query) (Page[T], error) {
	var page Page[T]
	err := a.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: q.values(), Out: &page})
	if err == nil && page.Data == nil {
		err = &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Message: "the answer has no data: it is not the list that the vendor documents"}
	}
	return page, vendors.UnusableIfGone(err)
}

// id is the path of one user or course.
func id(collection string, n int) string { return collection + "/" + strconv.Itoa(n) }

// WantedCourse says what is wanted instead of an id that is no course's.
func (Config) WantedCourse(id string) string {
	return vendors.WantedNumber(id)
}
