package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// plainSubscription is how the State names a subscription itself, beside its classifications.
const plainSubscription = "subscription"

// magloftSub is a custom subscription as MagLoft shows it, and what the State adds.
type magloftSub struct {
	ID        int     `json:"id"`
	OrderID   string  `json:"order_id"`
	Source    string  `json:"source"`
	UserID    string  `json:"user_id"`
	Active    bool    `json:"active"`
	StartDate *string `json:"start_date"`
	EndDate   *string `json:"end_date"`
	CreatedAt string  `json:"created_at"`
	Reader    object  `json:"reader"`
	Status    string  `json:"status"`
	Password  string  `json:"password,omitempty"`

	owner   *magloftReader
	deleted bool
	applied map[string]int // by plainSubscription or classification
}

// magloftSubWrite is the body of the calls that create and update a subscription.
type magloftSubWrite struct {
	Email           string            `json:"email"`
	Password        *string           `json:"password"`
	StartDate       *string           `json:"start_date"`
	EndDate         *string           `json:"end_date"`
	Active          *bool             `json:"active"`
	Custom          map[string]string `json:"custom_data"`
	Firstname       *string           `json:"firstname"`
	Lastname        *string           `json:"lastname"`
	Confirmation    *bool             `json:"confirmation"`
	Upsert          bool              `json:"upsert"`
	Classifications []int             `json:"classification_ids"`
}

// valid tells whether the days are days.
func (in magloftSubWrite) valid() bool {
	return (in.StartDate == nil || isDay(*in.StartDate)) && (in.EndDate == nil || isDay(*in.EndDate))
}

// apply writes what the body names. Classifications are the reader's, and
// replace what was there: the worst that the document leaves possible.
func (s *magloftSub) apply(in magloftSubWrite) {
	if in.StartDate != nil {
		s.StartDate = in.StartDate
	}
	if in.EndDate != nil {
		s.EndDate = in.EndDate
	}
	if in.Active != nil {
		s.Active = *in.Active
	}
	if in.Classifications != nil {
		s.owner.Classifications = in.Classifications
	}
	s.applied[plainSubscription]++
	for _, c := range in.Classifications {
		s.applied[strconv.Itoa(c)]++
	}
}

// enrollments returns the subscription and its classifications as the State has them.
func (s *magloftSub) enrollments() []Enrollment {
	user, active := strconv.Itoa(s.owner.ID), s.Active && !s.deleted
	out := []Enrollment{{UserID: user, CourseID: plainSubscription, Active: active, Applied: s.applied[plainSubscription]}}
	for _, c := range s.owner.Classifications {
		out = append(out, Enrollment{UserID: user, CourseID: strconv.Itoa(c), Active: active, Applied: s.applied[strconv.Itoa(c)]})
	}
	return out
}

// sub returns the app's subscription with the id or the reader's e-mail, nil where there is none.
func (m *magloft) sub(app, key string) *magloftSub {
	for _, s := range m.subs {
		if s.owner.app == app && !s.deleted && !s.owner.deleted && (strconv.Itoa(s.ID) == key || strings.EqualFold(s.owner.Email, key)) {
			return s
		}
	}
	return nil
}

func (m *magloft) listSubs(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var hits []*magloftSub
	for _, s := range m.subs {
		if s.owner.app == r.PathValue("app") && !s.deleted && holds(s.owner.Email, q.Get("filter")) {
			hits = append(hits, s)
		}
	}
	page(w, r, ordered(q, hits, func(s *magloftSub) int { return s.ID }, func(s *magloftSub) string { return s.owner.Email }))
}

func (m *magloft) withSub(next func(http.ResponseWriter, *http.Request, *magloftSub)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s := m.sub(r.PathValue("app"), r.PathValue("key")); s != nil {
			next(w, r, s)
			return
		}
		refuse(w, http.StatusNotFound, "Couldn't find CustomSubscription")
	}
}

func (m *magloft) showSub(w http.ResponseWriter, _ *http.Request, s *magloftSub) {
	answer(w, http.StatusOK, s)
}

// subscribe creates a subscription, and the reader where the e-mail has none.
// With upsert it updates the subscription that the e-mail has; without, a
// second one is answered as the switch says.
func (m *magloft) subscribe(w http.ResponseWriter, r *http.Request) {
	var in magloftSubWrite
	if !take(r, &in) || in.Email == "" || !in.valid() {
		refuse(w, http.StatusBadRequest, "email is missing or a date is invalid")
		return
	}
	app := r.PathValue("app")
	existing := m.sub(app, in.Email)
	if status, refused := m.config.Switches.taken(); existing != nil && !in.Upsert && refused {
		refuse(w, status, "Email has already been taken")
		return
	}
	if existing != nil && (in.Upsert || m.config.Switches.DuplicateEmail == "existing") {
		existing.apply(in)
		existing.Status = "updated"
		answer(w, http.StatusOK, existing)
		return
	}
	s := m.addSub(app, in)
	answer(w, http.StatusCreated, s)
	s.Password = "" // shown once
}

func (m *magloft) addSub(app string, in magloftSubWrite) *magloftSub {
	id := len(m.subs) + 1
	s := &magloftSub{
		ID: id, OrderID: fmt.Sprintf("sub-%d", id), Source: "custom", UserID: fmt.Sprintf("00000000-0000-0000-0000-%012d", id),
		CreatedAt: m.config.now(), Status: "created", applied: map[string]int{},
		owner: m.reader(app, in.Email),
	}
	if s.owner == nil {
		s.owner = m.addReader(app, magloftReaderWrite{Email: &in.Email, Name: in.Firstname, Lastname: in.Lastname, Custom: in.Custom})
		s.Password = fmt.Sprintf("sandbox-reader-password-%d", id)
	}
	s.Reader = object{"id": s.owner.ID, "email": s.owner.Email, "custom_data": s.owner.Custom, "confirmed": s.owner.Confirmed}
	s.apply(in)
	m.subs = append(m.subs, s)
	return s
}

func (m *magloft) updateSub(w http.ResponseWriter, r *http.Request, s *magloftSub) {
	var in magloftSubWrite
	if !take(r, &in) || !in.valid() {
		refuse(w, http.StatusBadRequest, "a date is invalid")
		return
	}
	s.apply(in)
	s.Status = "updated"
	answer(w, http.StatusOK, s)
}

func (m *magloft) deleteSub(w http.ResponseWriter, _ *http.Request, s *magloftSub) {
	s.deleted = true
	w.WriteHeader(http.StatusNoContent)
}
