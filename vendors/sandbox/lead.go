package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Credentials of the fake LEAD; any others except WrongCredential are accepted too. A user
// with a log-in is an administrator, never a learner.
const (
	LeadEmail      = "usher@example.org"
	LeadPassword   = "sandbox-lead-password"
	LeadEnrollPath = "courses/{course}/users/{user}" // undocumented; known to the owner of a tenant

	LeadUnenrollPath = "DELETE " + LeadEnrollPath // undocumented as well
)

const (
	leadTokenLife = 48 * time.Hour
	leadPage      = 25
	leadCourses   = 50 // ids 1 to 50
	leadStamp     = "2006-01-02T15:04:05.000000Z"
)

// lead is a fake of the LEAD LMS API.
type lead struct {
	loginGuard

	config   Config
	users    []*leadUser // by id: users[0] has id 1
	enrolled []Enrollment
}

// leadUser is a user in LEAD's form, with counts for the State.
type leadUser struct {
	ID            int     `json:"id"`
	Email         string  `json:"email"`
	Role          string  `json:"role"`
	Salutation    *string `json:"salutation"`
	FirstName     string  `json:"first_name"`
	LastName      string  `json:"last_name"`
	Suffix        *string `json:"suffix"`
	Impersonating *int    `json:"impersonating_user_id"`
	Stackable     *int    `json:"stackable_person_id"`
	Virtus        *int    `json:"virtus_id"`
	VirtusStatus  int     `json:"virtus_status"`
	LearnerType   *string `json:"learner_type"`
	Phone         *string `json:"phone"`
	LastLogin     *string `json:"last_login"`
	Language      string  `json:"language"`
	TimeZone      *string `json:"time_zone"`
	Academy       int     `json:"enrolled_in_academy"`
	SMS           int     `json:"sms_opt_in"`
	Quiet         int     `json:"disable_notifications"`
	Stripe        *string `json:"stripe_customer_id"`
	Picture       *string `json:"profile_picture"`
	VerifiedAt    *string `json:"email_verified_at"`
	Redirect      *string `json:"email_verification_redirect"`
	CreatedAt     string  `json:"created_at"`
	UpdatedAt     string  `json:"updated_at"`
	DeletedAt     *string `json:"deleted_at"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	PictureURL    string  `json:"profile_picture_url"`

	creates, updates, erases int
}

func newLead(c Config) *lead {
	l := &lead{config: c}
	l.sessions = newSessions(c, leadTokenLife, "%d|sandbox")
	l.staff(LeadEmail)
	return l
}

func (l *lead) name() string { return "lead" }

func (l *lead) base() string { return "/lead/api" }

func (l *lead) creations() []string { return []string{"POST /users"} }

func (l *lead) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /login":                              l.open(l.logIn),
		"GET /revoke-tokens/{id}":                  l.authed(l.revoke),
		"GET /users/" + l.lookup():                 l.authed(l.lookUp),
		"GET /users":                               l.authed(l.list),
		"POST /users":                              l.authed(l.create),
		"GET /users/{id}":                          l.authed(l.withUser(l.show)),
		"PUT /users/{id}":                          l.authed(l.withUser(l.update)),
		"DELETE /users/{id}":                       l.authed(l.erase),
		"GET /users/{id}/courses":                  l.authed(l.withUser(l.courses)),
		"GET /users/{id}/assignments":              l.authed(l.withUser(l.assignments)),
		"GET /users/{id}/course-containers":        l.authed(l.withUser(l.containers)),
		"GET /users/{id}/groups":                   l.authed(l.withUser(l.groups)),
		"GET /users/{id}/terms":                    l.authed(l.withUser(l.terms)),
		"POST /courses/{course}/users/{learner}":   l.authed(l.withCourse(l.enroll)),
		"DELETE /courses/{course}/users/{learner}": l.authed(l.withCourse(l.unenroll)),
	}
}

func (l *lead) lookup() string { return l.config.Switches.LeadLookup }

// authed admits calls with a token, and answers others like Laravel.
func (l *lead) authed(next http.HandlerFunc) http.HandlerFunc {
	return l.only(func(r *http.Request) bool {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		return ok && l.sessions.valid(token, 0)
	}, object{"message": "Unauthenticated."}, next)
}

func (l *lead) logIn(w http.ResponseWriter, r *http.Request) {
	email, password := r.FormValue("email"), r.FormValue("password")
	var u *leadUser
	if validCredential(email) && validCredential(password) {
		u = l.staff(email)
	}
	if u == nil || u.Role == "learner" {
		answer(w, http.StatusUnauthorized, object{"message": "Invalid login details"})
		return
	}
	at := l.config.now()
	u.LastLogin = &at
	answer(w, http.StatusOK, object{"access_token": l.sessions.give(strconv.Itoa(u.ID)), "token_type": "Bearer"})
}

// staff returns the user with the e-mail, after creating an administrator if necessary.
func (l *lead) staff(email string) *leadUser {
	if u := l.byEmail(email); u != nil {
		return u
	}
	return l.add(&leadUser{Email: email, Role: "admin", FirstName: "Usher", LastName: "Service", Language: "en-US"})
}

func (l *lead) add(u *leadUser) *leadUser {
	u.ID = len(l.users) + 1
	u.Name, u.FullName = fullName(u.FirstName, u.LastName), fullName(u.FirstName, u.LastName)
	u.CreatedAt = l.stamp()
	u.UpdatedAt = u.CreatedAt
	u.PictureURL = "https://lead.example.org/images/user.png"
	l.users = append(l.users, u)
	return u
}

func (l *lead) stamp() string { return l.config.Clock().UTC().Format(leadStamp) }

// byEmail returns the live user with the e-mail, or nil.
func (l *lead) byEmail(email string) *leadUser {
	for _, u := range l.users {
		if u.DeletedAt == nil && strings.EqualFold(u.Email, email) {
			return u
		}
	}
	return nil
}

func (l *lead) user(id string) *leadUser {
	n := positive(id, 0)
	if n < 1 || n > len(l.users) {
		return nil
	}
	return l.users[n-1]
}

// withUser looks up the user in the path; a deleted user is missing.
func (l *lead) withUser(next func(http.ResponseWriter, *http.Request, *leadUser)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u := l.user(r.PathValue("id"))
		if u == nil || u.DeletedAt != nil {
			missing(w, "User", r.PathValue("id"))
			return
		}
		next(w, r, u)
	}
}

func (l *lead) revoke(w http.ResponseWriter, r *http.Request) {
	l.sessions.drop(r.PathValue("id"))
	answer(w, http.StatusOK, object{"message": "Tokens revoked"})
}

func (l *lead) state() VendorState {
	l.mu.Lock()
	defer l.mu.Unlock()
	state := VendorState{Enrollments: slices.Clone(l.enrolled)}
	for _, u := range l.users {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(u.ID), Email: u.Email, Name: u.Name, Staff: u.Role != "learner",
			Deleted: u.DeletedAt != nil, Creates: u.creates, Deletes: u.erases,
			Updates: u.updates, Resets: u.updates, // each update sets a password
			Phone: deref(u.Phone), Locale: u.Language, TimeZone: deref(u.TimeZone),
		})
	}
	return state
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
