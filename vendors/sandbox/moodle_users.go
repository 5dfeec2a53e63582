package sandbox

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// moodleUsername is a username without the setting for further characters.
var moodleUsername = regexp.MustCompile(`^[-._@a-z0-9]+$`)

// first returns a field of the first element of a list in a form, such as users[0][email], and
// whether the form has the field.
func first(form url.Values, list, field string) (value string, ok bool) {
	name := list + "[0][" + field + "]"
	return form.Get(name), form.Has(name)
}

// sized reports whether a list in a form has exactly one element, numbered 0.
func sized(form url.Values, list string) bool {
	found := false
	for name := range form {
		if strings.HasPrefix(name, list+"[") {
			found = true
			if !strings.HasPrefix(name, list+"[0]") {
				return false
			}
		}
	}
	return found
}

func (m *moodle) createUser(w http.ResponseWriter, r *http.Request) {
	u, missing := moodleUser{creates: 1}, ""
	for field, to := range map[string]*string{"username": &u.username, "firstname": &u.first, "lastname": &u.last, "email": &u.email} {
		if *to, _ = first(r.PostForm, "users", field); *to == "" {
			missing = field
		}
	}
	password, _ := first(r.PostForm, "users", "password")
	made, _ := first(r.PostForm, "users", "createpassword")
	switch {
	case !sized(r.PostForm, "users"), missing != "", !strings.Contains(u.email, "@"):
		m.refuse(w, "users => Invalid parameter value detected: "+missing)
		return
	case made != "1" && len(password) < 8:
		answer(w, http.StatusOK, object{"exception": "moodle_exception", "errorcode": "passwordpolicyerror", "message": "Passwords must be at least 8 characters long."})
		return
	case !moodleUsername.MatchString(u.username):
		m.refuse(w, "users => username => Invalid parameter value detected")
		return
	case m.byUsername(u.username) != nil:
		m.refuse(w, "Username already exists: "+u.username)
		return
	case m.byEmail(u.email) != nil && m.config.Switches.DuplicateEmail != "second":
		m.refuse(w, "Email address already exists: "+u.email)
		return
	}
	m.merge(&u, r.PostForm)
	answer(w, http.StatusOK, []object{{"id": m.add(u).id, "username": u.username}})
}

// merge sets the fields of a form that are neither e-mail nor username.
func (m *moodle) merge(u *moodleUser, form url.Values) {
	for field, to := range map[string]*string{
		"firstname": &u.first, "lastname": &u.last, "idnumber": &u.number, "department": &u.department, "phone1": &u.phone, "lang": &u.locale,
	} {
		if value, ok := first(form, "users", field); ok {
			*to = value
		}
	}
}

func (m *moodle) byUsername(name string) *moodleUser {
	for _, u := range m.users {
		if !u.deleted && u.username == name {
			return u
		}
	}
	return nil
}

// byEmail returns the user with the e-mail, suspended or not, or nil.
func (m *moodle) byEmail(email string) *moodleUser {
	for _, u := range m.users {
		if !u.deleted && strings.EqualFold(u.email, email) {
			return u
		}
	}
	return nil
}

// like reports whether text matches a pattern of SQL, ignoring case: % is any text, _ any
// character.
func like(text, pattern string) bool {
	exact := regexp.QuoteMeta(pattern)
	exact = strings.NewReplacer("%", ".*", "_", ".").Replace(exact)
	hit, err := regexp.MatchString("(?is)^"+exact+"$", text)
	return err == nil && hit
}

// getUsers answers a search by criteria; there are no pages.
func (m *moodle) getUsers(w http.ResponseWriter, r *http.Request) {
	key, _ := first(r.PostForm, "criteria", "key")
	value, _ := first(r.PostForm, "criteria", "value")
	hits := []object{}
	for _, u := range m.users {
		match, ok := map[string]bool{"email": like(u.email, value), "idnumber": u.number == value, "username": u.username == value, "id": strconv.Itoa(u.id) == value}[key]
		if !ok {
			m.refuse(w, "The search key is not known")
			return
		}
		if match && !u.deleted {
			hits = append(hits, u.resource())
		}
	}
	answer(w, http.StatusOK, object{"users": hits, "warnings": []any{}})
}

// getUsersByField answers a look-up by an exact value. The e-mail is compared with its case, as on
// PostgreSQL.
func (m *moodle) getUsersByField(w http.ResponseWriter, r *http.Request) {
	field, value := r.PostForm.Get("field"), r.PostForm.Get("values[0]")
	hits := []object{}
	for _, u := range m.users {
		held, ok := map[string]string{"email": u.email, "idnumber": u.number, "username": u.username, "id": strconv.Itoa(u.id)}[field]
		if !ok {
			m.refuse(w, "The search field is not known")
			return
		}
		if held == value && value != "" && !u.deleted {
			hits = append(hits, u.resource())
		}
	}
	answer(w, http.StatusOK, hits)
}

// updateUser changes a user. Moodle answers for a missing user and for a taken e-mail with a
// warning only, and changes nothing.
func (m *moodle) updateUser(w http.ResponseWriter, r *http.Request) {
	id, _ := first(r.PostForm, "users", "id")
	u := m.user(id)
	email, _ := first(r.PostForm, "users", "email")
	twin := m.byEmail(email)
	switch {
	case !sized(r.PostForm, "users") || id == "":
		m.refuse(w, "users => Missing required key in single structure: id")
		return
	case u == nil:
		m.warn(w, id, "invaliduserid", "Invalid user ID")
		return
	case email != "" && twin != nil && twin != u && m.config.Switches.DuplicateEmail != "second":
		m.warn(w, id, "duplicateemail", "Duplicate email address: "+email)
		return
	}
	if email != "" {
		u.email = email
	}
	m.merge(u, r.PostForm)
	if suspended, ok := first(r.PostForm, "users", "suspended"); ok {
		u.suspended = suspended == "1"
	}
	u.updates++
	answer(w, http.StatusOK, object{"warnings": []any{}})
}

// warn answers with a warning about a user.
func (m *moodle) warn(w http.ResponseWriter, id, code, message string) {
	answer(w, http.StatusOK, object{"warnings": []object{{"item": "user", "itemid": positive(id, 0), "warningcode": code, "message": message}}})
}

func (m *moodle) deleteUser(w http.ResponseWriter, r *http.Request) {
	id := r.PostForm.Get("userids[0]")
	u := m.user(id)
	if u == nil {
		if m.config.Switches.SecondDelete == "200" {
			answer(w, http.StatusOK, nil)
			return
		}
		m.except(w, "dml_missing_record_exception", "invalidrecord", "Can't find data record in database table user.")
		return
	}
	u.deleted = true
	u.erases++
	m.enrolled = slices.Clone(m.enrolled)
	for i, e := range m.enrolled {
		if e.UserID == id {
			m.enrolled[i].Active = false
		}
	}
	answer(w, http.StatusOK, nil)
}
