package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Credentials and habits of the fake Canvas; any other token except WrongCredential is accepted too.
const (
	CanvasToken   = "sandbox-canvas-token"
	CanvasAccount = "1"
	CanvasStaff   = "staff-" // begins the SIS id of a staff member
	canvasCourses = 50       // ids 1 to 50
)

// canvas is a fake of the Canvas LMS REST API.
type canvas struct {
	guard

	config   Config
	users    []*canvasUser // by id: users[0] has id 1
	enrolled []canvasEnrollment
}

// canvasUser is a user with one login, with counts for the State.
type canvasUser struct {
	id                       int
	name, email, login, sis  string
	locale, timeZone         string
	suspended, deleted       bool
	creates, updates, erases int
}

// canvasEnrollment is an enrolment with an id of its own and a workflow state.
type canvasEnrollment struct {
	Enrollment

	id    int
	state string // active, inactive, completed or deleted
}

func newCanvas(c Config) *canvas { return &canvas{config: c} }

func (c *canvas) name() string { return "canvas" }

func (c *canvas) base() string { return "/canvas" }

func (c *canvas) creations() []string { return []string{"POST /api/v1/accounts/{account}/users"} }

func (c *canvas) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /api/v1/accounts/{account}/users":                 c.authed(c.listUsers),
		"POST /api/v1/accounts/{account}/users":                c.authed(c.addUser),
		"DELETE /api/v1/accounts/{account}/users/{id}":         c.authed(c.withUser(c.deleteUser)),
		"GET /api/v1/accounts/{account}/courses":               c.authed(c.listCourses),
		"GET /api/v1/users/{id}":                               c.authed(c.withUser(c.showUser)),
		"PUT /api/v1/users/{id}":                               c.authed(c.withUser(c.updateUser)),
		"GET /api/v1/users/{id}/logins":                        c.authed(c.withUser(c.listLogins)),
		"GET /api/v1/courses/{course}/enrollments":             c.authed(c.withCourse(c.listEnrollments)),
		"POST /api/v1/courses/{course}/enrollments":            c.authed(c.withCourse(c.enroll)),
		"DELETE /api/v1/courses/{course}/enrollments/{number}": c.authed(c.withCourse(c.endEnrollment)),
	}
}

// authed admits calls with a token, one at a time.
func (c *canvas) authed(next http.HandlerFunc) http.HandlerFunc {
	allowed := func(r *http.Request) bool {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return ok && validCredential(token)
	}
	refusal := object{"errors": []object{{"message": "Invalid access token."}}}
	return c.only(allowed, refusal, func(w http.ResponseWriter, r *http.Request) {
		if account := r.PathValue("account"); account != "" && positive(account, 0) == 0 {
			c.absent(w)
			return
		}
		next(w, r)
	})
}

// absent answers for a missing resource.
func (c *canvas) absent(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, object{"errors": []object{{"message": "The specified resource does not exist."}}})
}

// throttled is the refusal of too many calls: 403 with a text, not 429.
func (c *canvas) throttled(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Rate-Limit-Remaining", "0.0")
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintln(w, "403 Forbidden (Rate Limit Exceeded)")
}

// withUser looks up the user in the path: by id, or by a SIS id such as sis_user_id:ada.
func (c *canvas) withUser(next func(http.ResponseWriter, *http.Request, *canvasUser)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		wanted := r.PathValue("id")
		sis, bySIS := strings.CutPrefix(wanted, "sis_user_id:")
		for _, u := range c.users {
			if !u.deleted && (strconv.Itoa(u.id) == wanted || (bySIS && u.sis != "" && u.sis == sis)) {
				next(w, r, u)
				return
			}
		}
		if n := positive(wanted, 0); r.Method == http.MethodDelete && n > 0 && n <= len(c.users) && c.config.Switches.SecondDelete == "200" {
			answer(w, http.StatusOK, c.users[n-1].resource())
			return
		}
		c.absent(w)
	}
}

// resource returns the user in Canvas' form.
func (u *canvasUser) resource() object {
	out := object{
		"id": u.id, "name": u.name, "sortable_name": u.name, "short_name": u.name, "created_at": "2026-01-05T08:00:00Z",
		"sis_user_id": nil, "integration_id": nil, "login_id": u.login, "email": u.email, "locale": nil, "time_zone": nil,
	}
	for name, value := range map[string]string{"sis_user_id": u.sis, "locale": u.locale, "time_zone": u.timeZone} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// page answers with a page of a list; the links are in the header.
func (c *canvas) page(w http.ResponseWriter, r *http.Request, items []object) {
	query := r.URL.Query()
	page, size := positive(query.Get("page"), 1), min(positive(query.Get("per_page"), 10), 100)
	last := max(1, (len(items)+size-1)/size)
	link := func(rel string, n int) string {
		query.Set("page", strconv.Itoa(n))
		query.Set("per_page", strconv.Itoa(size))
		return fmt.Sprintf(`<http://%s%s%s?%s>; rel="%s"`, r.Host, c.base(), r.URL.Path, query.Encode(), rel)
	}
	links := []string{link("current", page)}
	if page < last {
		links = append(links, link("next", page+1))
	}
	links = append(links, link("first", 1), link("last", last))
	w.Header().Set("Link", strings.Join(links, ","))
	answer(w, http.StatusOK, append([]object{}, span(items, page, size)...))
}

func (c *canvas) listCourses(w http.ResponseWriter, r *http.Request) {
	var list []object
	for n := range canvasCourses {
		name := "Course " + strconv.Itoa(n+1)
		list = append(list, object{"id": n + 1, "name": name, "course_code": name, "workflow_state": "available"})
	}
	c.page(w, r, list)
}

func (c *canvas) state() VendorState {
	c.mu.Lock()
	defer c.mu.Unlock()
	var state VendorState
	for _, e := range c.enrolled {
		state.Enrollments = append(state.Enrollments, e.Enrollment)
	}
	for _, u := range c.users {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(u.id), External: u.sis, Email: u.email, Name: u.name, Staff: strings.HasPrefix(u.sis, CanvasStaff),
			Deleted: u.deleted || u.suspended, Creates: u.creates, Updates: u.updates, Deletes: u.erases, Locale: u.locale, TimeZone: u.timeZone,
		})
	}
	return state
}

// changeManually adds a user, suspends or unsuspends, or deletes the user.
func (c *canvas) changeManually(a ManualAction, email string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.creates() {
		u := c.add(canvasUser{name: "By Hand", email: email, login: email})
		if a == AddStaff {
			u.sis = CanvasStaff + strconv.Itoa(u.id)
		}
		return true
	}
	at := slices.IndexFunc(c.users, func(u *canvasUser) bool { return !u.deleted && a.applies(u.email, email, u.suspended) })
	if at < 0 {
		return false
	}
	c.users[at].suspended, c.users[at].deleted = a != Restore, a == Purge
	return true
}
