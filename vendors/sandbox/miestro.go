package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// miestroCourses is the number of courses of the fake Miestro: ids 1 to 50.
const miestroCourses = 50

// miestro is a fake of the Miestro API v1.0.
type miestro struct {
	guard

	config   Config
	users    []*miestroUser // by id: users[0] has id 1
	enrolled []Enrollment
}

// miestroUser is a user in Miestro's form, with counts for the State.
type miestroUser struct {
	ID           int     `json:"id"`
	Name         string  `json:"name"`
	Email        string  `json:"email"`
	Picture      *string `json:"picture_src"`
	Company      *string `json:"company_name"`
	Role         int     `json:"role"`
	Paypal       *string `json:"paypal_email"`
	Unsubscribed int     `json:"email_unsubscribe"`
	Version      int     `json:"version"`
	NextBilling  *string `json:"next_billing_date"`
	Score        int     `json:"score"`
	LastLogin    *string `json:"last_login_at"`
	CreatedAt    string  `json:"created_at"`
	FullPicture  string  `json:"picture_full_src"`
	StripeID     *string `json:"stripe_customer_id"`
	deleted      bool

	creates, updates, resets, erases int
}

// miestroWrite is the body of Add User and Update User.
type miestroWrite struct {
	Name     *string `json:"name"`
	Email    *string `json:"email"`
	Password *string `json:"password"`
	Role     *number `json:"role"`
}

func newMiestro(c Config) *miestro { return &miestro{config: c} }

func (m *miestro) name() string { return "miestro" }

func (m *miestro) base() string { return "/miestro/api/v1.0" }

func (m *miestro) creations() []string { return []string{"POST /users"} }

func (m *miestro) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /users":                m.signed(m.listUsers),
		"POST /users":               m.signed(m.addUser),
		"GET /users/{id}":           m.signed(m.withUser(m.showUser)),
		"PUT /users/{id}":           m.signed(m.change(m.withUser(m.updateUser))),
		"DELETE /users/{id}":        m.signed(m.change(m.deleteUser)),
		"POST /users/{id}/enroll":   m.signed(m.change(m.withUser(m.enroll))),
		"POST /users/{id}/unroll":   m.signed(m.change(m.withUser(m.unroll))),
		"GET /courses":              m.signed(m.listCourses),
		"GET /courses/{id}":         m.signed(m.showCourse),
		"POST /courses/{id}/enroll": m.signed(m.change(m.enrollCourse)),
	}
}

// signed admits calls with both keys. The document has the sentence of the error, without a
// status or a form.
func (m *miestro) signed(next http.HandlerFunc) http.HandlerFunc {
	return m.only(func(r *http.Request) bool {
		return validCredential(r.Header.Get("X-Forward-Api-Key")) && validCredential(r.Header.Get("X-Forward-Api-Secret"))
	}, object{"error": "Invalid Api Key or Api Secret credentials"}, next)
}

// change moves errors of a change into the body, by the switch.
func (m *miestro) change(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, gone := w.(discard); !gone && m.config.Switches.MiestroErrors == "body" {
			w = &errorInBody{ResponseWriter: w}
		}
		next(w, r)
	}
}

// errorInBody moves an error into the body of a 200.
type errorInBody struct {
	http.ResponseWriter

	refused bool
}

// WriteHeader replaces the status of an error by 200.
func (w *errorInBody) WriteHeader(status int) {
	if w.refused = status >= http.StatusBadRequest; w.refused {
		status = http.StatusOK
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes the message of an error as the member error.
func (w *errorInBody) Write(b []byte) (int, error) {
	if !w.refused {
		return w.ResponseWriter.Write(b)
	}
	var said struct{ Message string }
	if err := json.Unmarshal(b, &said); err != nil {
		return 0, err
	}
	return len(b), json.NewEncoder(w.ResponseWriter).Encode(object{"error": said.Message})
}

// withUser looks up the user in the path; a deleted user is missing.
func (m *miestro) withUser(next func(http.ResponseWriter, *http.Request, *miestroUser)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u := m.user(positive(r.PathValue("id"), 0))
		if u == nil || u.deleted {
			missing(w, "User", r.PathValue("id"))
			return
		}
		next(w, r, u)
	}
}

func (m *miestro) user(id int) *miestroUser {
	if id < 1 || id > len(m.users) {
		return nil
	}
	return m.users[id-1]
}

// missing answers like Laravel for a missing record.
func missing(w http.ResponseWriter, model, id string) {
	answer(w, http.StatusNotFound, object{"message": fmt.Sprintf(`No query results for model [App\Models\%s] %s`, model, id)})
}

// invalid answers like Laravel for an invalid field.
func invalid(w http.ResponseWriter, status int, field, message string) {
	answer(w, status, object{"message": "The given data was invalid.", "errors": object{field: []string{message}}})
}

// miestroFilters parses query[]=search=…. The inner text is decoded a second time, like PHP's
// parse_str: the worst case that the document allows.
func miestroFilters(r *http.Request) url.Values {
	filters := url.Values{}
	for _, item := range r.URL.Query()["query[]"] {
		inner, err := url.ParseQuery(item)
		if err != nil {
			continue
		}
		for key, values := range inner {
			filters[key] = append(filters[key], values...)
		}
	}
	return filters
}

func (m *miestro) listUsers(w http.ResponseWriter, r *http.Request) {
	filters := miestroFilters(r)
	search, role := filters.Get("search"), filters.Get("role")
	var hits []*miestroUser
	for _, u := range m.users {
		if !u.deleted && (containsFold(u.Name, search) || containsFold(u.Email, search)) && (role == "" || role == strconv.Itoa(u.Role)) {
			hits = append(hits, u)
		}
	}
	field, direction, _ := strings.Cut(cmp.Or(r.URL.Query().Get("sortBy"), "created_at:desc"), ":")
	slices.SortStableFunc(hits, func(a, b *miestroUser) int {
		order := cmp.Compare(a.ID, b.ID)
		switch field {
		case "name":
			order = cmp.Compare(a.Name, b.Name)
		case "email":
			order = cmp.Compare(a.Email, b.Email)
		}
		if direction == "desc" {
			return -order
		}
		return order
	})
	answer(w, http.StatusOK, paginate(hits, r))
}

func (m *miestro) state() VendorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := VendorState{Enrollments: slices.Clone(m.enrolled)}
	for _, u := range m.users {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(u.ID), Email: u.Email, Name: u.Name, Staff: u.Role != 0,
			Deleted: u.deleted, Creates: u.creates, Updates: u.updates, Resets: u.resets, Deletes: u.erases,
		})
	}
	return state
}
