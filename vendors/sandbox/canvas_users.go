package sandbox

import (
	"net/http"
	"strconv"
	"strings"
)

// canvasWrite is the body of the calls that create or change a user.
type canvasWrite struct {
	User struct {
		Name     *string `json:"name"`
		Email    *string `json:"email"`
		Locale   *string `json:"locale"`
		TimeZone *string `json:"time_zone"`
		Event    string  `json:"event"`
	} `json:"user"`
	Login struct {
		UniqueID string `json:"unique_id"`
		SIS      string `json:"sis_user_id"`
	} `json:"pseudonym"`
	Channel struct {
		Type    string `json:"type"`
		Address string `json:"address"`
	} `json:"communication_channel"`
	Reactivate bool `json:"enable_sis_reactivation"`
}

// merge sets the fields of a request that are there.
func (u *canvasUser) merge(in canvasWrite) {
	for to, value := range map[*string]*string{&u.name: in.User.Name, &u.email: in.User.Email, &u.locale: in.User.Locale, &u.timeZone: in.User.TimeZone} {
		if value != nil {
			*to = *value
		}
	}
}

// add adds a user.
func (c *canvas) add(u canvasUser) *canvasUser {
	u.id = len(c.users) + 1
	c.users = append(c.users, &u)
	return &u
}

// refuse answers with the faults of a login's field.
func (c *canvas) refuse(w http.ResponseWriter, field, kind, message string) {
	answer(w, http.StatusBadRequest, object{"errors": object{
		"user": object{}, "pseudonym": object{field: []object{{"attribute": field, "type": kind, "message": message}}}, "observee": object{}, "pairing_code": object{}, "recaptcha": nil,
	}})
}

// addUser creates a user with a login. A deleted user with the same SIS id is reactivated if the
// request asks for that, and refused otherwise: a SIS id stays taken.
func (c *canvas) addUser(w http.ResponseWriter, r *http.Request) {
	var in canvasWrite
	if !decode(r, &in) || in.Login.UniqueID == "" {
		c.refuse(w, "unique_id", "too_short", "is too short (minimum is 1 characters)")
		return
	}
	for _, u := range c.users {
		same := in.Login.SIS != "" && u.sis == in.Login.SIS
		switch {
		case same && u.deleted && in.Reactivate:
			u.deleted, u.suspended, u.login, u.email = false, false, in.Login.UniqueID, in.Channel.Address
			u.merge(in)
			u.creates++
			answer(w, http.StatusOK, u.resource())
			return
		case same:
			c.refuse(w, "sis_user_id", "taken", "is already in use")
			return
		case !u.deleted && strings.EqualFold(u.login, in.Login.UniqueID) && c.config.Switches.DuplicateEmail != "second":
			c.refuse(w, "unique_id", "taken", "ID already in use for this account and authentication provider")
			return
		}
	}
	u := canvasUser{login: in.Login.UniqueID, sis: in.Login.SIS, email: in.Channel.Address, creates: 1}
	u.merge(in)
	if u.name == "" {
		u.name = "User"
	}
	answer(w, http.StatusOK, c.add(u).resource())
}

// listUsers answers a search in name, login, SIS id and e-mail, or the whole list.
func (c *canvas) listUsers(w http.ResponseWriter, r *http.Request) {
	term := r.URL.Query().Get("search_term")
	if r.URL.Query().Has("search_term") && len(term) < 2 {
		answer(w, http.StatusBadRequest, object{"status": "search_term of 2 or more characters is required"})
		return
	}
	var hits []object
	for _, u := range c.users {
		found := term == "" || containsFold(u.name, term) || containsFold(u.login, term) || containsFold(u.sis, term) || containsFold(u.email, term)
		if !found || u.deleted {
			continue
		}
		one := u.resource()
		if !strings.Contains(strings.Join(r.URL.Query()["include[]"], ","), "email") {
			delete(one, "email")
		}
		hits = append(hits, one)
	}
	c.page(w, r, hits)
}

func (c *canvas) showUser(w http.ResponseWriter, _ *http.Request, u *canvasUser) {
	answer(w, http.StatusOK, u.resource())
}

func (c *canvas) listLogins(w http.ResponseWriter, _ *http.Request, u *canvasUser) {
	answer(w, http.StatusOK, []object{{
		"id": 1000 + u.id, "user_id": u.id, "account_id": positive(CanvasAccount, 1), "unique_id": u.login, "sis_user_id": u.sis, "workflow_state": "active",
	}})
}

func (c *canvas) updateUser(w http.ResponseWriter, r *http.Request, u *canvasUser) {
	var in canvasWrite
	if !decode(r, &in) {
		answer(w, http.StatusBadRequest, object{"errors": []object{{"message": "user is missing"}}})
		return
	}
	switch in.User.Event {
	case "":
	case "suspend", "unsuspend":
		u.suspended = in.User.Event == "suspend"
	default:
		answer(w, http.StatusBadRequest, object{"errors": []object{{"message": "event is not valid"}}})
		return
	}
	u.merge(in)
	u.updates++
	answer(w, http.StatusOK, u.resource())
}

func (c *canvas) deleteUser(w http.ResponseWriter, _ *http.Request, u *canvasUser) {
	u.deleted = true
	u.erases++
	for i, e := range c.enrolled {
		if e.UserID == strconv.Itoa(u.id) {
			c.enrolled[i].state, c.enrolled[i].Active = "deleted", false
		}
	}
	answer(w, http.StatusOK, object{"user": u.resource(), "status": "deleted"})
}
