package sandbox

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Credentials of the fake Usermost; any others except WrongCredential are accepted too.
const (
	UsermostLicenseCode = "sandbox"
	UsermostAPIKey      = "sandbox-usermost-key"
)

// usermostWindow is how long a request id is remembered, according to Usermost's sibling
// products.
const usermostWindow = 4 * time.Hour

// usermost is a fake of the Usermost REST API.
type usermost struct {
	guard

	config Config
	users  userStore
	events []Event
	seen   map[string]receipt // by path and request id
}

// receipt is the last call with a request id that counted as new.
type receipt struct {
	at    time.Time
	event int // index in events
}

// usermostUser is the body of POST /users.
type usermostUser struct {
	UserID    string `json:"userId"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	Attrs     object `json:"attributes"`
}

// usermostEvent is the body of POST /events.
type usermostEvent struct {
	UserID string `json:"userId"`
	Name   string `json:"eventName"`
	Time   string `json:"eventTime"`
	Data   object `json:"eventData"`
}

var hexadecimal = regexp.MustCompile(`^[0-9a-fA-F]*$`)

func newUsermost(c Config) *usermost { return &usermost{config: c, seen: map[string]receipt{}} }

func (u *usermost) name() string { return "usermost" }

func (u *usermost) base() string { return "/usermost" }

func (u *usermost) creations() []string { return []string{"POST /v1/accounts/{license}/users"} }

func (u *usermost) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /v1/accounts/{license}/users":  u.authed(u.upsert),
		"POST /v1/accounts/{license}/events": u.authed(u.track),
	}
}

// authed admits calls with a license code and an API key, one at a time.
func (u *usermost) authed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case !validCredential(r.PathValue("license")):
			reply(w, http.StatusNotFound, "Invalid URL")
		case !ok || !validCredential(key):
			reply(w, http.StatusUnauthorized, "Invalid auth / access")
		case !hexadecimal.MatchString(r.Header.Get("X-Request-Id")):
			reply(w, http.StatusBadRequest, "x-request-id must be a hex string")
		default:
			u.open(next)(w, r)
		}
	}
}

// reply answers in Usermost's container.
func reply(w http.ResponseWriter, status int, message string) {
	word := "success"
	if status >= http.StatusBadRequest {
		word = "error"
	}
	answer(w, status, object{"response": object{"data": object{}, "message": message, "status": word}})
}

// receive looks up the request id of a call. fresh is false within the window of an earlier
// call with the same id; old is the earlier call, if any. A call without an id is always fresh.
func (u *usermost) receive(r *http.Request) (old receipt, fresh bool) {
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		return receipt{event: len(u.events)}, true
	}
	key := r.URL.Path + "\x00" + strings.ToLower(id)
	now := u.config.Clock()
	old, known := u.seen[key]
	if known && now.Sub(old.at) < usermostWindow {
		return old, false
	}
	if !known {
		old.event = len(u.events)
	}
	u.seen[key] = receipt{at: now, event: old.event}
	return old, true
}

func (u *usermost) upsert(w http.ResponseWriter, r *http.Request) {
	var in usermostUser
	if !decode(r, &in) || in.UserID == "" {
		reply(w, http.StatusBadRequest, "Error: userId and anonymousId cannot be empty.")
		return
	}
	if _, fresh := u.receive(r); fresh {
		u.users.upsert(User{
			ID: in.UserID, External: in.UserID, Email: in.Email, Name: fullName(in.FirstName, in.LastName),
			Phone: in.Phone, Attributes: attributes(in.Attrs),
		})
	}
	reply(w, http.StatusOK, "success")
}

func (u *usermost) track(w http.ResponseWriter, r *http.Request) {
	var in usermostEvent
	if !decode(r, &in) || in.UserID == "" || in.Name == "" || utf8.RuneCountInString(in.Name) >= 50 {
		reply(w, http.StatusBadRequest, "Error: userId and an eventName of less than 50 characters are needed.")
		return
	}
	at, err := time.Parse("2006-01-02T15:04:05-0700", cmp.Or(in.Time, u.config.Clock().UTC().Format("2006-01-02T15:04:05-0700")))
	if err != nil {
		reply(w, http.StatusBadRequest, "Error: eventTime is not yyyy-MM-ddTHH:mm:ssZ.")
		return
	}
	old, fresh := u.receive(r)
	if old.event == len(u.events) {
		u.events = append(u.events, Event{RequestID: r.Header.Get("X-Request-Id"), UserID: in.UserID, Name: in.Name, At: at})
	}
	event := &u.events[old.event]
	event.Received++
	if fresh {
		event.Recorded++
		u.apply(in)
	}
	reply(w, http.StatusOK, "success")
}

// apply changes enrolments by our own events.
func (u *usermost) apply(in usermostEvent) {
	course, ok := in.Data["course_id"].(string)
	switch {
	case ok && in.Name == "enrollment_requested":
		u.users.enroll(in.UserID, course)
	case ok && in.Name == "enrollment_cancelled":
		u.users.leave(in.UserID, course)
	}
}

func (u *usermost) state() VendorState {
	u.mu.Lock()
	defer u.mu.Unlock()
	return VendorState{
		Users: slices.Clone(u.users.users), Enrollments: slices.Clone(u.users.enrolled), Events: slices.Clone(u.events),
	}
}
