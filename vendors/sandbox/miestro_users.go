package sandbox

import (
	"net/http"
	"strings"
)

func (m *miestro) addUser(w http.ResponseWriter, r *http.Request) {
	var in miestroWrite
	switch {
	case !decode(r, &in), in.Email == nil || !strings.Contains(*in.Email, "@"):
		invalid(w, http.StatusUnprocessableEntity, "email", "The email must be a valid email address.")
		return
	case in.Name == nil || *in.Name == "":
		invalid(w, http.StatusUnprocessableEntity, "name", "The name field is required.")
		return
	case in.Password == nil || *in.Password == "":
		invalid(w, http.StatusUnprocessableEntity, "password", "The password field is required.")
		return
	}
	if twin := m.byEmail(*in.Email); twin != nil && m.config.Switches.DuplicateEmail != "second" {
		if status, refused := m.config.Switches.taken(); refused {
			invalid(w, status, "email", "The email has already been taken.")
			return
		}
		twin.creates++
		answer(w, http.StatusOK, twin)
		return
	}
	u := &miestroUser{
		ID: len(m.users) + 1, Name: *in.Name, Email: *in.Email, Version: 1, creates: 1,
		CreatedAt: m.config.now(), FullPicture: "https://miestro.com/images/account/user.png",
	}
	if in.Role != nil {
		u.Role = int(*in.Role)
	}
	m.users = append(m.users, u)
	answer(w, http.StatusOK, u)
}

// byEmail returns the live user with the e-mail, or nil.
func (m *miestro) byEmail(email string) *miestroUser {
	for _, u := range m.users {
		if !u.deleted && strings.EqualFold(u.Email, email) {
			return u
		}
	}
	return nil
}

func (m *miestro) showUser(w http.ResponseWriter, _ *http.Request, u *miestroUser) {
	answer(w, http.StatusOK, u)
}

func (m *miestro) updateUser(w http.ResponseWriter, r *http.Request, u *miestroUser) {
	var in miestroWrite
	if !decode(r, &in) {
		invalid(w, http.StatusUnprocessableEntity, "name", "The name must be a string.")
		return
	}
	if in.Email != nil {
		if twin := m.byEmail(*in.Email); twin != nil && twin != u && m.config.Switches.DuplicateEmail != "second" {
			invalid(w, m.config.Switches.refusal(), "email", "The email has already been taken.")
			return
		}
	}
	if in.Name != nil {
		u.Name = *in.Name
	}
	if in.Email != nil {
		u.Email = *in.Email
	}
	if in.Role != nil {
		u.Role = int(*in.Role)
	}
	if in.Password != nil {
		u.resets++
	}
	u.updates++
	answer(w, http.StatusOK, object{})
}

func (m *miestro) deleteUser(w http.ResponseWriter, r *http.Request) {
	u := m.user(positive(r.PathValue("id"), 0))
	if u == nil || (u.deleted && m.config.Switches.SecondDelete == "404") {
		missing(w, "User", r.PathValue("id"))
		return
	}
	u.deleted = true
	u.erases++
	answer(w, http.StatusOK, object{})
}
