package scim

import (
	"encoding/json"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// The schemas of SCIM (RFC 7643, section 10; RFC 7644, section 10).
const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// User is a user of the core schema (RFC 7643, section 4.1), with the attributes that Usher reads
// or writes. The client reads names of attributes in any case.
type User struct {
	Schemas           []string        `json:"schemas,omitempty"`
	ID                string          `json:"id,omitempty"` // of the server
	ExternalID        string          `json:"externalId,omitempty"`
	UserName          string          `json:"userName,omitempty"`
	Name              *Name           `json:"name,omitempty"`
	DisplayName       string          `json:"displayName,omitempty"`
	UserType          string          `json:"userType,omitempty"`
	PreferredLanguage string          `json:"preferredLanguage,omitempty"`
	Locale            string          `json:"locale,omitempty"`
	Timezone          string          `json:"timezone,omitempty"`
	Active            *vendors.Flag   `json:"active,omitempty"` // nil if not shown
	Emails            []Value         `json:"emails,omitempty"`
	PhoneNumbers      []Value         `json:"phoneNumbers,omitempty"`
	Groups            []Value         `json:"groups,omitempty"` // read-only
	Roles             json.RawMessage `json:"roles,omitempty"`  // a list of objects with a value, or of texts
	Meta              *Meta           `json:"meta,omitempty"`   // read-only
}

// Name is the name of a user.
type Name struct {
	Formatted  string `json:"formatted,omitempty"`
	FamilyName string `json:"familyName,omitempty"`
	GivenName  string `json:"givenName,omitempty"`
}

// Value is an element of a list, such as an e-mail address or a member of a group.
type Value struct {
	Value   string       `json:"value,omitempty"`
	Type    string       `json:"type,omitempty"`
	Display string       `json:"display,omitempty"`
	Primary vendors.Flag `json:"primary,omitempty"`
}

// Meta is the metadata of a resource.
type Meta struct {
	Version string `json:"version,omitempty"` // the ETag; empty if the server has none
}

// Group is a group of the core schema (RFC 7643, section 4.2).
type Group struct {
	ID          string  `json:"id"`
	DisplayName string  `json:"displayName"`
	Members     []Value `json:"members"` // nil if the server shows none
}

// List is the response to a query (RFC 7644, section 3.4.2; RFC 9865).
type List[T any] struct {
	TotalResults *vendors.Int `json:"totalResults"` // nil if missing
	Resources    []T          `json:"Resources"`    // null or missing for nobody at some servers
	NextCursor   string       `json:"nextCursor"`   // empty on the last page, and without cursors
}

// active reports whether the account has access. An account without the attribute has.
func (u User) active() bool { return u.Active == nil || bool(*u.Active) }

// names returns the given name and the family name.
func (u User) names() (given, family string) {
	if u.Name == nil {
		return "", ""
	}
	return u.Name.GivenName, u.Name.FamilyName
}

// email returns the userName if the userName is an e-mail address, or else the primary e-mail, or
// else the first.
func (u User) email() string {
	if strings.Contains(u.UserName, "@") || len(u.Emails) == 0 {
		return u.UserName
	}
	return u.Emails[primary(u.Emails)].Value
}

// primary returns the index of the primary element, or 0.
func primary(list []Value) int {
	for i, v := range list {
		if v.Primary {
			return i
		}
	}
	return 0
}

// version returns the ETag, or "".
func (u User) version() string {
	if u.Meta == nil {
		return ""
	}
	return u.Meta.Version
}

// roles returns the userType and the roles of the user.
func (u User) roles() []string {
	out := []string{u.UserType}
	var objects []Value
	if json.Unmarshal(u.Roles, &objects) == nil {
		for _, role := range objects {
			out = append(out, role.Value)
		}
		return out
	}
	var texts []string
	if json.Unmarshal(u.Roles, &texts) == nil {
		return append(out, texts...)
	}
	return out
}

// Operation is one change of a PATCH (RFC 7644, section 3.5.2).
type Operation struct {
	Op    string `json:"op"` // add, remove or replace, in lower case
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// replace returns the operation that sets an attribute.
func replace(path string, value any) Operation {
	return Operation{Op: "replace", Path: path, Value: value}
}

// patch is the body of a PATCH.
type patch struct {
	Schemas    []string    `json:"schemas"`
	Operations []Operation `json:"Operations"`
}

func newPatch(operations []Operation) patch {
	return patch{Schemas: []string{patchSchema}, Operations: operations}
}

// quoted returns a text as a value of a filter: in quotes, with escapes of JSON.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
