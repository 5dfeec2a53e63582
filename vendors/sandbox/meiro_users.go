package sandbox

import (
	"cmp"
	"net/http"
	"strings"
)

// create creates a user. With restores, a user in the trash with the same e-mail is restored
// instead. The switch decides about an e-mail in use.
func (m *meiro) create(restores bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in meiroWrite
		if !decode(r, &in) || in.Email == nil || in.Password == nil || !strings.Contains(*in.Email, "@") || *in.Password == "" {
			answer(w, http.StatusBadRequest, object{"message": "email and password are required"})
			return
		}
		if twin := m.byEmail(*in.Email, false); twin != nil && m.config.Switches.DuplicateEmail != "second" {
			if status, refused := m.config.Switches.taken(); refused {
				answer(w, status, object{"message": "User with this email already exists"})
				return
			}
			twin.creates++
			answer(w, http.StatusOK, twin)
			return
		}
		u := m.byEmail(*in.Email, true)
		if u == nil || !restores {
			u = m.add(*in.Email, *in.Password)
		}
		u.Deleted = false
		u.creates++
		if in.SSO != nil {
			u.SSO = *in.SSO
		}
		answer(w, http.StatusCreated, u)
	}
}

// user returns the user in the path, or answers 404.
func (m *meiro) user(w http.ResponseWriter, r *http.Request) *meiroUser {
	for _, u := range m.users {
		if u.ID == r.PathValue("id") {
			return u
		}
	}
	m.missing(w)
	return nil
}

func (m *meiro) missing(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, object{"message": "User not found"})
}

// trashIsGone reports whether calls for a user in the trash are answered with 404, which is
// undocumented.
func (m *meiro) trashIsGone() bool { return m.config.Switches.SecondDelete == "404" }

func (m *meiro) retrieve(w http.ResponseWriter, r *http.Request) {
	switch u := m.user(w, r); {
	case u == nil:
	case u.Deleted && m.trashIsGone():
		m.missing(w)
	default:
		answer(w, http.StatusOK, u)
	}
}

func (m *meiro) modify(w http.ResponseWriter, r *http.Request) {
	var in meiroWrite
	u := m.user(w, r)
	switch {
	case u == nil:
		return
	case u.Deleted:
		m.missing(w)
		return
	case !decode(r, &in):
		answer(w, http.StatusBadRequest, object{"message": "the body is not JSON"})
		return
	}
	if in.Email != nil {
		if twin := m.byEmail(*in.Email, false); twin != nil && twin != u && m.config.Switches.DuplicateEmail != "second" {
			answer(w, m.config.Switches.refusal(), object{"message": "User with this email already exists"})
			return
		}
		u.Email = *in.Email
	}
	if in.Password != nil {
		u.password = *in.Password
		u.resets++
	}
	if in.SSO != nil {
		u.SSO = *in.SSO
	}
	u.updates++
	answer(w, http.StatusOK, u)
}

func (m *meiro) erase(w http.ResponseWriter, r *http.Request) {
	u := m.user(w, r)
	if u == nil {
		return
	}
	if u.Deleted && m.trashIsGone() {
		m.missing(w)
		return
	}
	u.Deleted = true
	u.erases++
	answer(w, http.StatusOK, u)
}

func (m *meiro) restore(w http.ResponseWriter, r *http.Request) {
	u := m.user(w, r)
	if u == nil {
		return
	}
	if !u.Deleted && m.config.Switches.RepeatRestore == "404" {
		m.missing(w)
		return
	}
	u.Deleted = false
	u.restores++
	answer(w, http.StatusOK, u)
}

func (m *meiro) changePassword(w http.ResponseWriter, r *http.Request) {
	var in meiroWrite
	u := m.user(w, r)
	if u == nil {
		return
	}
	if !decode(r, &in) || in.Old == nil || in.New == nil || cmp.Or(*in.Old, "-") != u.password || *in.New == "" {
		answer(w, http.StatusBadRequest, object{"message": "Old password is not correct"})
		return
	}
	u.password = *in.New
	answer(w, http.StatusOK, u)
}
