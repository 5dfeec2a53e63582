package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// text returns a JSON string, or "".
func text(value any) string {
	s, _ := value.(string)
	return s
}

// text returns the id.
func (u *scimUser) text() string { return strconv.Itoa(u.id) }

// active returns the attribute active; true if missing.
func (u *scimUser) active() bool {
	active, ok := u.attrs["active"].(bool)
	return active || !ok
}

// name returns a part of the name.
func (u *scimUser) name(part string) string {
	name, _ := u.attrs["name"].(object)
	return text(name[part])
}

// first returns the value of the first element of a list.
func (u *scimUser) first(list string) string {
	values, _ := u.attrs[list].([]any)
	if len(values) == 0 {
		return ""
	}
	value, _ := values[0].(object)
	return text(value["value"])
}

// resource returns the user in SCIM's form.
func (s *scim) resource(u *scimUser) object {
	out := object{"schemas": []any{scimUserSchema}, "id": u.text()}
	for name, value := range u.attrs {
		if name != "schemas" && name != "password" {
			out[name] = value
		}
	}
	meta := object{"resourceType": "User"}
	if s.is("etag", "version") {
		meta["version"] = u.etag()
	}
	out["meta"] = meta
	if s.is("members", "user") {
		out["groups"] = s.groupsOf(u)
	}
	return out
}

// etag returns the version of the user.
func (u *scimUser) etag() string { return fmt.Sprintf(`W/"%d"`, u.version) }

// withUser looks up the user in the path; a deleted user is missing.
func (s *scim) withUser(next func(http.ResponseWriter, *http.Request, *scimUser)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u := s.user(r.PathValue("id"))
		switch {
		case u == nil:
			s.absent(w, r.PathValue("id"))
		case s.is("etag", "version") && r.Method != http.MethodGet && r.Header.Get("If-Match") != u.etag():
			s.refuse(w, http.StatusPreconditionFailed, "", "the resource has another version")
		default:
			next(w, r, u)
		}
	}
}

// user returns the user with the id, or nil.
func (s *scim) user(id string) *scimUser {
	n := positive(id, 0)
	if n < 1 || n > len(s.users) || s.users[n-1].deleted {
		return nil
	}
	return s.users[n-1]
}

// byUserName returns the user with the userName, or nil.
func (s *scim) byUserName(name string) *scimUser {
	for _, u := range s.users {
		if !u.deleted && strings.EqualFold(text(u.attrs["userName"]), name) {
			return u
		}
	}
	return nil
}

// add adds a user.
func (s *scim) add(attrs object) *scimUser {
	u := &scimUser{id: len(s.users) + 1, attrs: attrs, version: 1, creates: 1}
	s.store(u, attrs)
	s.users = append(s.users, u)
	return u
}

// store sets the attributes of the user, but for those of the server.
func (s *scim) store(u *scimUser, attrs object) {
	for _, name := range []string{"id", "meta", "groups"} {
		delete(attrs, name)
	}
	if s.is("external_id", "dropped") {
		delete(attrs, "externalId")
	}
	u.attrs = attrs
}

// scimNames are the names of attributes with upper case. A server reads names in any case.
var scimNames = []string{"externalId", "userName", "givenName", "familyName", "displayName", "userType", "preferredLanguage", "phoneNumbers"}

// readUser returns the attributes in a request, and whether there is a userName.
func readUser(r *http.Request) (attrs object, ok bool) {
	ok = decode(r, &attrs)
	attrs = canonical(attrs)
	return attrs, ok && text(attrs["userName"]) != ""
}

// canonical returns the attributes under their own names.
func canonical(attrs object) object {
	out := object{}
	for name, value := range attrs {
		for _, known := range scimNames {
			if strings.EqualFold(known, name) {
				name = known
			}
		}
		if inner, ok := value.(object); ok {
			value = canonical(inner)
		}
		out[name] = value
	}
	return out
}

func (s *scim) addUser(w http.ResponseWriter, r *http.Request) {
	in, ok := readUser(r)
	if !ok {
		s.refuse(w, http.StatusBadRequest, "invalidValue", "userName is required")
		return
	}
	if s.byUserName(text(in["userName"])) != nil && !s.is("taken", "second") {
		s.refuseTaken(w)
		return
	}
	s.answer(w, http.StatusCreated, s.resource(s.add(in)))
}

// refuseTaken answers for a taken userName.
func (s *scim) refuseTaken(w http.ResponseWriter) {
	switch s.switches["taken"] {
	case "bare":
		w.WriteHeader(http.StatusConflict)
	case "400":
		s.refuse(w, http.StatusBadRequest, "invalidValue", "the userName cannot be used")
	case "500":
		s.refuse(w, http.StatusInternalServerError, "", "duplicate key value violates unique constraint")
	default:
		s.refuse(w, http.StatusConflict, "uniqueness", "the userName is taken")
	}
}

func (s *scim) showUser(w http.ResponseWriter, _ *http.Request, u *scimUser) {
	s.answer(w, http.StatusOK, s.resource(u))
}

// visible returns the users of lists.
func (s *scim) visible() (out []*scimUser) {
	for _, u := range s.users {
		hidden := u.deleted || (u.byHand && s.is("hidden", "yes"))
		if !hidden {
			out = append(out, u)
		}
	}
	if s.lists++; s.is("pages", "turning") && s.lists%2 == 0 {
		slices.Reverse(out)
	}
	return out
}
