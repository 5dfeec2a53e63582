// Package miestro is a client of Miestro, a platform for courses, written from the document
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

// BaseURL is the documented URL of the API.
const BaseURL = "https://api.miestro.com/api/v1.0"

// Config configures a client of Miestro. Both keys are required.
type Config struct {
	vendors.Settings `yaml:",inline"` // the base URL defaults to BaseURL
	APIKey           vendors.Secret   `yaml:"api_key" env:"API_KEY"`       // X-Forward-Api-Key
	APISecret        vendors.Secret   `yaml:"api_secret" env:"API_SECRET"` // X-Forward-Api-Secret
}

// Defaults returns a Config without credentials. The document has no rate limit; 5 calls per
// second is a careful choice for a small hosted application.
func Defaults() Config { return Config{Settings: vendors.DefaultSettings(BaseURL, 5)} }

// Needs returns the settings that turn Miestro on.
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

// API has one method per documented call of Miestro. An API is safe for concurrent use. The
// document has no status codes.
type API struct {
	calls *vendors.Client
}

// NewAPI returns a client for the documented calls.
func NewAPI(c Config) *API {
	c.BaseURL = cmp.Or(c.BaseURL, BaseURL)
	auth := vendors.StaticAuth{"X-Forward-Api-Key": c.APIKey, "X-Forward-Api-Secret": c.APISecret}
	a := &API{calls: vendors.NewClient(vendor, c.Options(), auth, c.APIKey, c.APISecret)}
	a.calls.ClassifyResponse(classify)
	return a
}

// classify detects the only documented error: a sentence, without a status. Inside a user or a
// list the sentence is no error, because a user may have it as a name.
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

// done is the response {} of a change. The document has no status codes, so an error may come
// with status 200.
type done struct {
	Error  json.RawMessage `json:"error"`
	Errors json.RawMessage `json:"errors"`
}

// UnmarshalJSON reads objects only, and the empty list, as PHP writes an empty object.
func (d *done) UnmarshalJSON(b []byte) error {
	type fields done
	if text := string(b); text == "null" || text == "[]" {
		return nil
	}
	if !bytes.HasPrefix(b, []byte("{")) {
		return errors.New("not an object")
	}
	return json.Unmarshal(b, (*fields)(d))
}

// IsError reports whether the response has an error.
func (d *done) IsError() bool { return !isBlank(d.Error) || !isBlank(d.Errors) }

// isBlank reports whether a JSON member is missing, null, false or empty.
func isBlank(member json.RawMessage) bool {
	var compact bytes.Buffer
	if json.Compact(&compact, member) != nil {
		return len(member) == 0
	}
	return slices.Contains([]string{"null", "false", `""`, "[]", "{}"}, compact.String())
}

// defaultCount is the documented number of items per page.
const defaultCount = 15

// Query has the parameters of the two lists. Zero values are not sent.
type Query struct {
	Search string // text in the name or e-mail of users, or in the name of courses
	Role   *Role  // users only
	Status Status // courses only
	SortBy string // "field:asc" or "field:desc"; default created_at:desc
	Count  int    // items per page; default defaultCount; the maximum is undocumented
	Page   int    // from 1; default 1
}

// values returns the query string in the document's form: each item of query[] has another
// "name=value" as its value.
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

// Page is one page of a list (Miestro API v1.0, Pagination). The URLs lack the filters and the
// count: increment Page instead.
type Page[T any] struct {
	CurrentPage  vendors.Int `json:"current_page"`
	Data         []T         `json:"data"`
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

// list returns one page. A missing page means a wrong base URL.
func list[T any](ctx context.Context, a *API, op, path string, q Query) (Page[T], error) {
	var page Page[T]
	err := a.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: q.values(), Further: q.Page > 1, Items: cmp.Or(q.Count, defaultCount), Out: &page})
	empty := page.CurrentPage > 0 && page.LastPage > 0 && page.Total == 0 // with null for the list
	if err == nil && page.Data == nil && !empty {
		err = &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: "the response has no data, unlike the list of the vendor's document"}
	}
	return page, vendors.UnusableIfGone(err)
}

// id returns the path of one user or course.
func id(collection string, n int) string { return collection + "/" + strconv.Itoa(n) }

// WantedCourse returns the form of Miestro's course ids, or "" if id has that form.
func (Config) WantedCourse(id string) string {
	return vendors.WantedNumber(id)
}
