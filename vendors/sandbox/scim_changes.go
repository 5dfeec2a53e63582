package sandbox

import (
	"net/http"
	"strings"
)

// scimPatch is the body of a PATCH.
type scimPatch struct {
	Operations []struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	} `json:"Operations"`
}

func (s *scim) patchUser(w http.ResponseWriter, r *http.Request, u *scimUser) {
	var in scimPatch
	switch {
	case s.is("patch", "501"):
		s.refuse(w, http.StatusNotImplemented, "", "PATCH is not implemented")
		return
	case s.is("patch", "405"):
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case !decode(r, &in) || len(in.Operations) == 0:
		s.refuse(w, http.StatusBadRequest, "invalidSyntax", "want Operations")
		return
	}
	attrs := cloneObject(u.attrs)
	for _, o := range in.Operations {
		if s.is("patch", "active") && o.Path != "active" {
			s.refuse(w, http.StatusBadRequest, "mutability", "only active can be changed")
			return
		}
		if o.Op != "replace" || !setAttribute(attrs, o.Path, o.Value) {
			s.refuse(w, http.StatusBadRequest, "invalidPath", "the operation cannot be made")
			return
		}
	}
	s.change(w, u, attrs, s.is("patch", "ignored"))
}

func (s *scim) putUser(w http.ResponseWriter, r *http.Request, u *scimUser) {
	in, ok := readUser(r)
	switch {
	case s.is("put", "405"):
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !ok:
		s.refuse(w, http.StatusBadRequest, "invalidValue", "userName is required")
	default:
		s.change(w, u, in, s.is("put", "ignored"))
	}
}

// change sets the attributes of the user, or answers as if.
func (s *scim) change(w http.ResponseWriter, u *scimUser, attrs object, ignored bool) {
	twin := s.byUserName(text(attrs["userName"]))
	if twin != nil && twin != u && !s.is("taken", "second") {
		s.refuseTaken(w)
		return
	}
	if active, isBool := attrs["active"].(bool); attrs["active"] != nil && !isBool {
		s.refuse(w, http.StatusBadRequest, "invalidValue", "active is a boolean")
		return
	} else if !ignored && isBool && active != u.active() {
		if active {
			u.restores++
		} else {
			u.erases++
		}
	}
	if !ignored {
		s.store(u, attrs)
		u.updates++
		u.version++
	}
	s.answer(w, http.StatusOK, s.resource(u))
}

// setAttribute sets an attribute, or an attribute within another, and reports whether the path is
// one of these.
func setAttribute(attrs object, path string, value any) bool {
	name, below, nested := strings.Cut(path, ".")
	switch {
	case name == "" || value == nil || strings.ContainsAny(path, "[]: "):
		return false
	case !nested:
		attrs[name] = value
		return true
	}
	inner, _ := attrs[name].(object)
	inner = cloneObject(inner)
	attrs[name] = inner
	return setAttribute(inner, below, value)
}

// cloneObject returns a copy of the members.
func cloneObject(o object) object {
	out := object{}
	for name, value := range o {
		out[name] = value
	}
	return out
}

func (s *scim) deleteUser(w http.ResponseWriter, r *http.Request) {
	id := positive(r.PathValue("id"), 0)
	switch {
	case s.is("delete", "405"):
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case s.user(r.PathValue("id")) == nil:
		if id >= 1 && id <= len(s.users) && s.config.Switches.SecondDelete == "200" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		s.absent(w, r.PathValue("id"))
		return
	}
	u := s.users[id-1]
	switch {
	case s.is("delete", "ignored"):
	case s.is("delete", "disable"):
		u.attrs["active"] = false
		u.erases++
	default:
		u.deleted = true
		u.erases++
		for i, e := range s.enrolled {
			if e.UserID == u.text() && e.Active {
				s.enrolled[i].Active = false
			}
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
