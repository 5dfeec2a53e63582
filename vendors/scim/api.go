// Package scim is a client of SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865), the protocol of many SaaS
// products for accounts and groups, as servers in the field speak it.
package scim

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// API has one method per call of SCIM. An API is safe for concurrent use.
type API struct {
	calls *vendors.Client
	media string
	agent string
}

// NewAPI returns a client for the calls.
func NewAPI(c Config) *API {
	a := &API{
		calls: vendors.NewClient(vendor, c.Options(), newAuth(c), c.Token, c.ClientSecret),
		media: cmp.Or(c.MediaType, MediaType), agent: cmp.Or(c.UserAgent, "usher"),
	}
	a.calls.ClassifyResponse(classify)
	return a
}

// classify replaces the class of four responses: a missing method will stay missing, a newer
// version can be read, a page for people means a wrong base URL, and some servers report an error
// with status 200.
func classify(status int, body []byte) (vendors.Class, bool) {
	switch {
	case status == http.StatusNotImplemented:
		return vendors.Permanent, true
	case status == http.StatusPreconditionFailed:
		return vendors.Again, true
	case status == http.StatusNotFound && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return vendors.Unusable, true
	case status < http.StatusMultipleChoices && bytes.Contains(body, []byte(errorSchema)):
		var out struct {
			Schemas []string `json:"schemas"`
		}
		return vendors.Permanent, json.Unmarshal(body, &out) == nil && slices.Contains(out.Schemas, errorSchema)
	}
	return vendors.Again, false
}

// do makes a call with the headers of SCIM. version is the ETag that the resource must have, or
// "".
func (a *API) do(ctx context.Context, call vendors.Call, version string) error {
	call.Header = http.Header{"Accept": {a.media}, "User-Agent": {a.agent}}
	if call.JSON != nil {
		call.Header.Set("Content-Type", a.media)
	}
	if version != "" {
		call.Header.Set("If-Match", version)
	}
	return a.calls.Do(ctx, call)
}

func userPath(id string) string { return "/Users/" + url.PathEscape(id) }

func groupPath(id string) string { return "/Groups/" + url.PathEscape(id) }

// Query has the parameters of a query. Zero values are not sent.
type Query struct {
	Filter     string
	StartIndex int    // of the first resource, from 1
	Count      int    // resources per page
	Cursor     string // of the page
	Cursors    bool   // whether an empty Cursor is sent, for the first page
}

// values returns the query string.
func (q Query) values() url.Values {
	v := url.Values{}
	if q.Filter != "" {
		v.Set("filter", q.Filter)
	}
	if q.StartIndex != 0 {
		v.Set("startIndex", strconv.Itoa(q.StartIndex))
	}
	if q.Count != 0 {
		v.Set("count", strconv.Itoa(q.Count))
	}
	if q.Cursor != "" || q.Cursors {
		v.Set("cursor", q.Cursor)
	}
	return v
}

// ListUsers is GET /Users (RFC 7644, section 3.4.2): one page of users. A missing list means a
// wrong base URL.
func (a *API) ListUsers(ctx context.Context, q Query) (List[User], error) {
	var page List[User]
	call := vendors.Call{
		Op: "list users", Method: http.MethodGet, Path: "/Users", Query: q.values(), Further: q.StartIndex > 1 || q.Cursor != "", Items: q.Count, Out: &page,
	}
	err := vendors.UnusableIfGone(a.do(ctx, call, ""))
	if err == nil && page.TotalResults == nil && page.Resources == nil {
		err = unreadable(call.Op, "the response is no list")
	}
	return page, err
}

// CreateUser is POST /Users (RFC 7644, section 3.3). A taken userName is 409, or any other refusal
// at some servers.
func (a *API) CreateUser(ctx context.Context, u User) (User, error) {
	var made User
	err := a.do(ctx, vendors.Call{Op: "create user", Method: http.MethodPost, Path: "/Users", JSON: u, Out: &made}, "")
	return made, err
}

// Record is a user with all attributes that the server shows.
type Record struct {
	User
	raw map[string]json.RawMessage
}

// GetUser is GET /Users/{id} (RFC 7644, section 3.4.1). A response without a user counts as 404 if
// the server shows another user.
func (a *API) GetUser(ctx context.Context, id string) (Record, error) {
	return a.getUser(ctx, id, a.showsUsers)
}

func (a *API) getUser(ctx context.Context, id string, control func(context.Context) error) (Record, error) {
	const op = "get user"
	var r Record
	err := a.do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: userPath(id), Control: control, Out: &r.raw}, "")
	if err == nil {
		err = r.read(op)
	}
	if err == nil && r.ID != id {
		err = unreadable(op, "the response is not the requested user")
	}
	return r, err
}

// showsUsers returns an error unless the server shows the first user of the list, if any.
func (a *API) showsUsers(ctx context.Context) error {
	page, err := a.ListUsers(ctx, Query{Count: 1})
	if err != nil || len(page.Resources) == 0 {
		return err
	}
	_, err = a.getUser(ctx, page.Resources[0].ID, nil)
	return err
}

// read decodes the attributes of the user.
func (r *Record) read(op string) error {
	text, err := json.Marshal(r.raw)
	if err == nil {
		err = vendors.DecodeJSON(text, &r.User)
	}
	if err != nil {
		return unreadable(op, err.Error())
	}
	return nil
}

// PatchUser is PATCH /Users/{id} (RFC 7644, section 3.5.2). A repeat has no further effect. The
// result has no ID if the response does not show the user.
func (a *API) PatchUser(ctx context.Context, r Record, operations []Operation) (User, error) {
	return a.change(ctx, vendors.Call{Op: "patch user", Method: http.MethodPatch, Path: userPath(r.ID), JSON: newPatch(operations)}, r.version())
}

// PutUser is PUT /Users/{id} (RFC 7644, section 3.5.1): replaces all attributes. A repeat has no
// further effect. The result has no ID if the response does not show the user.
func (a *API) PutUser(ctx context.Context, r Record, attributes map[string]json.RawMessage) (User, error) {
	return a.change(ctx, vendors.Call{Op: "put user", Method: http.MethodPut, Path: userPath(r.ID), JSON: attributes}, r.version())
}

// change makes a call that changes a user.
func (a *API) change(ctx context.Context, call vendors.Call, version string) (User, error) {
	var after User
	call.Repeatable, call.NoContent, call.Out = true, new(bool), &after
	err := a.do(ctx, call, version)
	return after, err
}

// DeleteUser is DELETE /Users/{id} (RFC 7644, section 3.6). Some servers only disable the account.
func (a *API) DeleteUser(ctx context.Context, id string) error {
	return a.do(ctx, vendors.Call{Op: "delete user", Method: http.MethodDelete, Path: userPath(id), Repeatable: true}, "")
}

// GetGroup is GET /Groups/{id} (RFC 7644, section 3.4.1), with or without the members.
func (a *API) GetGroup(ctx context.Context, id string, members bool) (Group, error) {
	const op = "get group"
	var g Group
	err := a.do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: groupPath(id), Query: withMembers(members), Out: &g}, "")
	if err == nil && g.ID != id {
		err = unreadable(op, "the response is not the requested group")
	}
	return g, err
}

// withMembers returns the query string that leaves out the members of a group, unless wanted.
func withMembers(wanted bool) url.Values {
	if wanted {
		return nil
	}
	return url.Values{"excludedAttributes": {"members"}}
}

// ListGroups is GET /Groups (RFC 7644, section 3.4.2): one page of groups.
func (a *API) ListGroups(ctx context.Context, q Query) (List[Group], error) {
	var page List[Group]
	err := a.do(ctx, vendors.Call{Op: "list groups", Method: http.MethodGet, Path: "/Groups", Query: q.values(), Items: q.Count, Out: &page}, "")
	return page, vendors.UnusableIfGone(err)
}

// PatchGroup is PATCH /Groups/{id} (RFC 7644, section 3.5.2), by operations that have no further
// effect when repeated.
func (a *API) PatchGroup(ctx context.Context, id string, operations ...Operation) error {
	return a.do(ctx, vendors.Call{
		Op: "patch group", Method: http.MethodPatch, Path: groupPath(id), Query: withMembers(false), JSON: newPatch(operations), Repeatable: true,
	}, "")
}

// providerConfig is the part of GET /ServiceProviderConfig (RFC 7643, section 5) that Usher reads.
type providerConfig struct {
	Patch struct {
		Supported *vendors.Flag `json:"supported"` // nil if missing
	} `json:"patch"`
}

// refusesPatch reports whether the server says that PATCH is not supported. Few servers tell the
// truth, so an error is false.
func (a *API) refusesPatch(ctx context.Context) bool {
	var out providerConfig
	call := vendors.Call{Op: "get service provider config", Method: http.MethodGet, Path: "/ServiceProviderConfig", Out: &out}
	return a.do(ctx, call, "") == nil && out.Patch.Supported != nil && !bool(*out.Patch.Supported)
}

// unreadable returns the error of a response that cannot be understood.
func unreadable(op, message string) *vendors.Error {
	return &vendors.Error{Vendor: vendor, Op: op, Status: http.StatusOK, Unreadable: true, Message: message}
}
