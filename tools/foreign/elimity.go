// Package foreign has SCIM servers of other authors, for tests of the client of Usher: one on the Go
// package github.com/elimity-com/scim, and one on the npm packages scimmy and scimmy-routers. Each
// server checks requests by the schemas of the standard, and has the storage of this package.
package foreign

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/elimity-com/scim"
	scimerrors "github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"
	filter "github.com/scim2/filter-parser/v2"
)

// Token is the bearer token of the servers.
const Token = "foreign-scim-token" //nolint:gosec // of servers on loopback

// Groups are the ids of the groups. Usher's clients of the servers use the groups as courses.
var Groups = []string{"41", "42", "43", "44"}

// Elimity returns a server on github.com/elimity-com/scim, with the groups and without users.
func Elimity() (http.Handler, error) {
	users := &store{prefix: "u-", unique: "userName"}
	groups := &store{}
	for _, id := range Groups {
		groups.items = append(groups.items, scim.Resource{ID: id, Attributes: scim.ResourceAttributes{"displayName": "Group " + id}})
	}
	server, err := scim.NewServer(&scim.ServerArgs{
		ServiceProviderConfig: &scim.ServiceProviderConfig{SupportFiltering: true, SupportPatch: true, MaxResults: 1000},
		ResourceTypes: []scim.ResourceType{
			{ID: optional.NewString("User"), Name: "User", Endpoint: "/Users", Schema: schema.CoreUserSchema(), Handler: users},
			{ID: optional.NewString("Group"), Name: "Group", Endpoint: "/Groups", Schema: schema.CoreGroupSchema(), Handler: groups},
		},
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+Token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		server.ServeHTTP(w, r)
	}), nil
}

// store keeps the resources of one type in memory. A store is safe for concurrent use.
type store struct {
	prefix string // of an id
	unique string // attribute with a value of its own, or ""

	mu    sync.Mutex
	made  int
	items []scim.Resource // in order of creation
}

// index returns the place of a resource, or the error of a missing one.
func (s *store) index(id string) (int, error) {
	i := slices.IndexFunc(s.items, func(r scim.Resource) bool { return r.ID == id })
	if i < 0 {
		return i, scimerrors.ScimErrorResourceNotFound(id)
	}
	return i, nil
}

// checkUnique returns an error if another resource has the value of the unique attribute.
func (s *store) checkUnique(id string, attributes scim.ResourceAttributes) error {
	value, _ := attributes[s.unique].(string)
	for _, r := range s.items {
		other, _ := r.Attributes[s.unique].(string)
		if s.unique != "" && r.ID != id && strings.EqualFold(value, other) {
			return scimerrors.ScimErrorUniqueness
		}
	}
	return nil
}

// resource returns a resource with the attributes; externalId has a place of its own.
func resource(id string, attributes scim.ResourceAttributes) scim.Resource {
	r := scim.Resource{ID: id, Attributes: attributes}
	if external, ok := attributes["externalId"].(string); ok {
		r.ExternalID = optional.NewString(external)
	}
	return r
}

// Create stores a resource under a new id.
func (s *store) Create(_ *http.Request, attributes scim.ResourceAttributes) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkUnique("", attributes); err != nil {
		return scim.Resource{}, err
	}
	s.made++
	r := resource(s.prefix+strconv.Itoa(s.made), attributes)
	s.items = append(s.items, r)
	return r, nil
}

// Get returns a resource.
func (s *store) Get(_ *http.Request, id string) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.index(id)
	if err != nil {
		return scim.Resource{}, err
	}
	return s.items[i], nil
}

// GetAll returns one page of the resources that pass the filter. An empty page is null in JSON.
func (s *store) GetAll(_ *http.Request, q scim.ListRequestParams) (scim.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []scim.Resource
	for _, r := range s.items {
		all := scim.ResourceAttributes{"id": r.ID}
		maps.Copy(all, r.Attributes)
		if q.FilterValidator == nil || q.FilterValidator.PassesFilter(all) == nil {
			hits = append(hits, r)
		}
	}
	from := min(q.StartIndex-1, len(hits))
	return scim.Page{TotalResults: len(hits), Resources: hits[from:min(from+q.Count, len(hits))]}, nil
}

// Replace replaces all attributes of a resource.
func (s *store) Replace(_ *http.Request, id string, attributes scim.ResourceAttributes) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(id, attributes)
}

// put sets the attributes of a resource.
func (s *store) put(id string, attributes scim.ResourceAttributes) (scim.Resource, error) {
	i, err := s.index(id)
	if err == nil {
		err = s.checkUnique(id, attributes)
	}
	if err != nil {
		return scim.Resource{}, err
	}
	s.items[i] = resource(id, attributes)
	return s.items[i], nil
}

// Delete removes a resource.
func (s *store) Delete(_ *http.Request, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.index(id)
	if err == nil {
		s.items = slices.Delete(s.items, i, i+1)
	}
	return err
}

// Patch makes the operations of a PATCH.
func (s *store) Patch(_ *http.Request, id string, operations []scim.PatchOperation) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.index(id)
	if err != nil {
		return scim.Resource{}, err
	}
	attributes := maps.Clone(s.items[i].Attributes)
	for _, o := range operations {
		if o.Path == nil {
			return scim.Resource{}, scimerrors.ScimErrorInvalidPath
		}
		apply(attributes, o)
	}
	return s.put(id, attributes)
}

// apply makes one operation: replaces an attribute or a part of one, or adds or removes elements of
// a list.
func apply(attributes scim.ResourceAttributes, o scim.PatchOperation) {
	name, part := o.Path.AttributePath.AttributeName, o.Path.AttributePath.SubAttribute
	switch {
	case o.Op == scim.PatchOperationRemove:
		attributes[name] = without(attributes[name], o.Path.ValueExpression)
	case o.Op == scim.PatchOperationAdd && isList(o.Value):
		list, _ := attributes[name].([]any)
		attributes[name] = added(list, o.Value.([]any))
	case part != nil:
		inner, _ := attributes[name].(map[string]any)
		inner = maps.Clone(inner)
		if inner == nil {
			inner = map[string]any{}
		}
		inner[*part] = o.Value
		attributes[name] = inner
	default:
		attributes[name] = o.Value
	}
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// valueOf returns the member value of an element.
func valueOf(element any) string {
	object, _ := element.(map[string]any)
	value, _ := object["value"].(string)
	return value
}

// added returns a list with further elements. An element with a value in the list is there.
func added(list, further []any) []any {
	out := slices.Clone(list)
	for _, one := range further {
		if !slices.ContainsFunc(out, func(other any) bool { return valueOf(other) == valueOf(one) }) {
			out = append(out, one)
		}
	}
	return out
}

// without returns a list without the elements of a path: value eq "id".
func without(list any, e filter.Expression) any {
	comparison, ok := e.(*filter.AttributeExpression)
	elements, _ := list.([]any)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(elements), func(one any) bool { return valueOf(one) == comparison.CompareValue })
}
