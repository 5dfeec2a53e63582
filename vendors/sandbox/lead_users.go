package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func (l *lead) lookUp(w http.ResponseWriter, r *http.Request) {
	u := l.byEmail(r.URL.Query().Get("email"))
	if u == nil {
		missing(w, "User", "")
		return
	}
	answer(w, http.StatusOK, object{"user": u})
}

// show answers the undocumented call by the switch.
func (l *lead) show(w http.ResponseWriter, r *http.Request, u *leadUser) {
	switch l.config.Switches.LeadShow {
	case "404":
		missing(w, "User", r.PathValue("id"))
	case "405":
		answer(w, http.StatusMethodNotAllowed, object{"message": "The GET method is not supported for this route. Supported methods: PUT, DELETE."})
	default:
		answer(w, http.StatusOK, object{"user": u})
	}
}

func (l *lead) list(w http.ResponseWriter, r *http.Request) {
	users := []*leadUser{}
	for _, u := range l.users {
		if u.DeletedAt == nil {
			users = append(users, u)
		}
	}
	page, last := positive(r.URL.Query().Get("page"), 1), max(1, (len(users)+leadPage-1)/leadPage)
	shown := span(users, page, leadPage)
	at := func(page int) any {
		if page < 1 || page > last {
			return nil
		}
		return fmt.Sprintf("https://lead.example.org/api/users?page=%d", page)
	}
	var from, to any
	if len(shown) > 0 {
		from, to = (page-1)*leadPage+1, (page-1)*leadPage+len(shown)
	}
	answer(w, http.StatusOK, object{"users": object{
		"current_page": page, "data": shown, "first_page_url": at(1), "from": from,
		"last_page": last, "last_page_url": at(last), "links": []object{{"url": at(page - 1), "label": "« Previous", "active": false}},
		"next_page_url": at(page + 1), "path": "https://lead.example.org/api/users", "per_page": leadPage,
		"prev_page_url": at(page - 1), "to": to, "total": len(users),
	}})
}

// leadRules are the required fields of a creation and of an update, with their formats.
var leadRules = []struct {
	field string
	valid func(value string) bool
}{
	{"email", regexp.MustCompile(`^[^@\s]+@[^@\s]+$`).MatchString},
	{"password", regexp.MustCompile(`.`).MatchString},
	{"role", regexp.MustCompile(`^(admin|global_leader|learner)$`).MatchString},
	{"first_name", regexp.MustCompile(`\S`).MatchString},
	{"last_name", regexp.MustCompile(`\S`).MatchString},
	{"language", regexp.MustCompile(`^(en|es)-US$`).MatchString},
	{"time_zone", isZone},
}

// isZone reports whether name is a time zone.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

// fill sets u from the form and returns the first invalid field, if any.
func (l *lead) fill(u *leadUser, r *http.Request) (field string) {
	for _, rule := range leadRules {
		if !rule.valid(r.FormValue(rule.field)) {
			return rule.field
		}
	}
	zone := r.FormValue("time_zone")
	u.Email = r.FormValue("email")
	u.Role = r.FormValue("role")
	u.Language = r.FormValue("language")
	u.TimeZone = &zone
	u.FirstName, u.LastName = r.FormValue("first_name"), r.FormValue("last_name")
	u.Name, u.FullName = fullName(u.FirstName, u.LastName), fullName(u.FirstName, u.LastName)
	for name, to := range map[string]**string{
		"salutation": &u.Salutation, "suffix": &u.Suffix, "phone": &u.Phone, "profile_picture": &u.Picture,
	} {
		if value := r.FormValue(name); value != "" {
			*to = &value
		}
	}
	for name, to := range map[string]*int{"enrolled_in_academy": &u.Academy, "sms_opt_in": &u.SMS, "disable_notifications": &u.Quiet} {
		*to = positive(r.FormValue(name), 0)
	}
	return ""
}

// create answers with HTTP 200 and "status":201 in the body, as documented. The switch decides
// about an e-mail in use. The e-mail of a deleted user is rejected unless the switch is
// "second", because LEAD restores nobody.
func (l *lead) create(w http.ResponseWriter, r *http.Request) {
	u := &leadUser{}
	if field := l.fill(u, r); field != "" {
		invalid(w, http.StatusUnprocessableEntity, field, "The "+strings.ReplaceAll(field, "_", " ")+" field is invalid.")
		return
	}
	if status, twin := l.clash(u.Email); status != 0 {
		invalid(w, status, "email", "The email has already been taken.")
		return
	} else if twin != nil {
		twin.creates++
		answer(w, http.StatusOK, object{"status": http.StatusOK, "message": "User already exists", "user": l.stored(twin)})
		return
	}
	stripe := "cus_" + strconv.Itoa(len(l.users)+1)
	u.Stripe, u.creates = &stripe, 1
	l.add(u)
	answer(w, http.StatusOK, object{"status": http.StatusCreated, "message": "User successfully stored", "user": l.stored(u)})
}

// clash returns the status that rejects the e-mail, or the existing user for the response.
func (l *lead) clash(email string) (status int, twin *leadUser) {
	if l.config.Switches.DuplicateEmail == "second" {
		return 0, nil
	}
	status, refuses := l.config.Switches.taken()
	if live := l.byEmail(email); live != nil {
		return status, live
	}
	for _, u := range l.users {
		if strings.EqualFold(u.Email, email) {
			if !refuses {
				status = http.StatusUnprocessableEntity
			}
			return status, nil
		}
	}
	return 0, nil
}

// stored returns a user with the lists of a creation's response.
func (l *lead) stored(u *leadUser) any {
	type lists struct {
		Roles      []any `json:"team_roles"`
		Cohorts    []any `json:"cohorts"`
		Subs       []any `json:"subscriptions"`
		Groups     []any `json:"groups"`
		Paths      []any `json:"learning_paths"`
		Courses    []any `json:"courses"`
		Containers []any `json:"course_containers"`
	}
	none := []any{}
	return struct {
		*leadUser
		lists
	}{u, lists{none, none, none, none, none, none, none}}
}

func (l *lead) update(w http.ResponseWriter, r *http.Request, u *leadUser) {
	changed := *u
	if field := l.fill(&changed, r); field != "" {
		invalid(w, http.StatusUnprocessableEntity, field, "The "+strings.ReplaceAll(field, "_", " ")+" field is required.")
		return
	}
	if other := l.byEmail(changed.Email); other != nil && other != u && l.config.Switches.DuplicateEmail != "second" {
		invalid(w, l.config.Switches.refusal(), "email", "The email has already been taken.")
		return
	}
	changed.UpdatedAt = l.stamp()
	changed.updates++
	*u = changed
	metas := []object{{
		"id": u.ID, "user_id": u.ID, "slug": "address-object", "name": "Address Object", "value": r.FormValue("address"),
		"created_at": u.CreatedAt, "updated_at": u.UpdatedAt,
	}}
	answer(w, http.StatusOK, object{"message": "User successfully updated", "user": struct {
		*leadUser
		Metas []object `json:"user_metas"`
	}{u, metas}})
}

func (l *lead) erase(w http.ResponseWriter, r *http.Request) {
	u := l.user(r.PathValue("id"))
	if u == nil || (u.DeletedAt != nil && l.config.Switches.SecondDelete == "404") {
		missing(w, "User", r.PathValue("id"))
		return
	}
	if u.DeletedAt == nil {
		at := l.stamp()
		u.DeletedAt = &at
	}
	u.erases++
	l.sessions.drop(strconv.Itoa(u.ID))
	answer(w, http.StatusOK, object{"message": "User deleted"})
}
