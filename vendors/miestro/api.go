// Package miestro speaks to Miestro, a platform for courses, by its document
// "API Documentation", version v1.0 of December 2020.
package miestro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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

// complete fills in the base URL and returns every fault at once.
func (c *Config) complete() error {
	var faults []error
	if c.BaseURL == "" {
		c.BaseURL = BaseURL
	}
	if err := c.Options().Check(); err != nil {
		faults = append(faults, fmt.Errorf("%s: %w", vendor, err))
	}
	if c.APIKey == "" {
		faults = append(faults, errors.New(vendor+": the API key is missing"))
	}
	if c.APISecret == "" {
		faults = append(faults, errors.New(vendor+": the API secret is missing"))
	}
	return errors.Join(faults...)
}

// API makes the documented calls of Miestro, one method each. It is safe for
// use by many goroutines. The document gives no status codes at all.
type API struct {
	calls *vendors.Client
}

// NewAPI returns a client for the calls alone.
func NewAPI(c Config) *API {
	if c.BaseURL == "" {
		c.BaseURL = BaseURL
	}
	auth := vendors.StaticAuth{"X-Forward-Api-Key": c.APIKey, "X-Forward-Api-Secret": c.APISecret}
	a := &API{calls: vendors.NewClient(vendor, c.Options(), auth, c.APIKey, c.APISecret)}
	a.calls.Judge(judge)
	return a
}

// judge knows the one error that the document has: a sentence, without a status.
// In a user or a list it is no error: anybody may give themselves that name.
func judge(_ int, body []byte) (vendors.Class, bool) {
	if !bytes.Contains(body, []byte("Invalid Api Key or Api Secret credentials")) {
		return vendors.Again, false
	}
	var out struct {
		ID   any `json:"id"`
		Data any `json:"data"`
	}
	return vendors.Unusable, json.Unmarshal(body, &out) != nil || (out.ID == nil && out.Data == nil)
}

// done is the {} that a change is answered with. The document has no statuses, so
// that an error may come with a good one.
type done struct {
	Error  any `json:"error"`
	Errors any `json:"errors"`
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
func (d *done) Refused() bool { return tells(d.Error) || tells(d.Errors) }

// tells is false for what stands where there is no error.
func tells(member any) bool {
	switch member := member.(type) {
	case []any:
		return len(member) > 0
	case map[string]any:
		return len(member) > 0
	default:
		return member != nil && member != false && member != ""
	}
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
	err := a.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: path, Query: q.values(), Further: q.Page > 1, Out: &page})
	if err == nil && page.Data == nil {
		err = &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Message: "the answer has no data: it is not the list that the vendor documents"}
	}
	return page, vendors.Misplaced(err)
}

// id is the path of one user or course.
func id(collection string, n int) string { return collection + "/" + strconv.Itoa(n) }

// WantedCourse says what is wanted instead of an id that is no course's.
func (Config) WantedCourse(id string) string {
	if _, ok := number(id); ok {
		return ""
	}
	return vendors.WantedNumber
}

// number reads a vendor's id. It is false for what cannot be one.
func number(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}
