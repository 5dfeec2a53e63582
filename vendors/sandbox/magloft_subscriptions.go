package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// plainSubscription is the course id of the plain subscription in the State.
const plainSubscription = "subscription"

// magloftSub is a custom subscription in MagLoft's form, with counts for the State.
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
	ended   map[string]int // by plainSubscription or classification
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

// valid reports whether the dates are dates.
func (in magloftSubWrite) valid() bool {
	return (in.StartDate == nil || isDay(*in.StartDate)) && (in.EndDate == nil || isDay(*in.EndDate))
}

// put sets the fields in the body. Classifications belong to the reader.
func (m *magloft) put(s *magloftSub, in magloftSubWrite) {
	if in.StartDate != nil {
		s.StartDate = in.StartDate
	}
	if in.EndDate != nil {
		s.EndDate = in.EndDate
	}
	if in.Active != nil {
		if s.Active && !*in.Active {
			s.ended[plainSubscription]++
		}
		s.Active = *in.Active
	}
	m.classify(s.owner, in.Classifications)
	s.applied[plainSubscription]++
	for _, c := range in.Classifications {
		s.applied[strconv.Itoa(c)]++
	}
}

// drop counts the classifications that the reader loses.
func (s *magloftSub) drop(kept []int) {
	for _, c := range s.owner.Classifications {
		if !slices.Contains(kept, c) {
			s.ended[strconv.Itoa(c)]++
		}
	}
}

// enrollments returns the subscription and the classifications for the State: the reader's
// present ones, then the former ones.
func (s *magloftSub) enrollments() []Enrollment {
	active := s.Active && !s.deleted
	out := []Enrollment{s.enrollment(plainSubscription, active)}
	shown := map[string]bool{plainSubscription: true}
	for _, c := range s.owner.Classifications {
		shown[strconv.Itoa(c)] = true
		out = append(out, s.enrollment(strconv.Itoa(c), active))
	}
	for _, course := range slices.Sorted(maps.Keys(s.applied)) {
		if !shown[course] {
			out = append(out, s.enrollment(course, false))
		}
	}
	return out
}

func (s *magloftSub) enrollment(course string, active bool) Enrollment {
	return Enrollment{UserID: strconv.Itoa(s.owner.ID), CourseID: course, Active: active, Applied: s.applied[course], Ended: s.ended[course]}
}

// sub returns the app's subscription with the id or the reader's e-mail, or nil.
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
		if s.owner.app == r.PathValue("app") && !s.deleted && !s.owner.deleted && containsFold(s.owner.Email, q.Get("filter")) {
			hits = append(hits, s)
		}
	}
	page(w, r, ordered(q, hits, func(s *magloftSub) int { return s.ID }, func(s *magloftSub) string { return s.owner.Email }))
}

func (m *magloft) withSub(next func(http.ResponseWriter, *http.Request, *magloftSub)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s := m.sub(r.PathValue("app"), m.key(r)); s != nil {
			next(w, r, s)
			return
		}
		refuse(w, http.StatusNotFound, "Couldn't find CustomSubscription")
	}
}

func (m *magloft) showSub(w http.ResponseWriter, _ *http.Request, s *magloftSub) {
	answer(w, http.StatusOK, s)
}

// subscribe creates a subscription, and a reader for an unknown e-mail. With upsert, subscribe
// updates an existing subscription of the e-mail; without, the switch decides about a second
// one.
func (m *magloft) subscribe(w http.ResponseWriter, r *http.Request) {
	var in magloftSubWrite
	if !decode(r, &in) || in.Email == "" || !in.valid() {
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
		m.put(existing, in)
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
		CreatedAt: m.config.now(), Status: "created", applied: map[string]int{}, ended: map[string]int{},
		owner: m.reader(app, in.Email),
	}
	if s.owner == nil {
		s.owner = m.addReader(app, magloftReaderWrite{Email: &in.Email, Name: in.Firstname, Lastname: in.Lastname, Custom: in.Custom})
		s.Password = fmt.Sprintf("sandbox-reader-password-%d", id)
	}
	s.show()
	m.subs = append(m.subs, s)
	m.put(s, in)
	return s
}

// show updates the reader in the subscription.
func (s *magloftSub) show() {
	s.Reader = object{"id": s.owner.ID, "email": s.owner.Email, "custom_data": s.owner.Custom, "confirmed": s.owner.Confirmed}
}

func (m *magloft) updateSub(w http.ResponseWriter, r *http.Request, s *magloftSub) {
	var in magloftSubWrite
	if !decode(r, &in) || !in.valid() {
		refuse(w, http.StatusBadRequest, "a date is invalid")
		return
	}
	m.put(s, in)
	s.Status = "updated"
	answer(w, http.StatusOK, s)
}

func (m *magloft) deleteSub(w http.ResponseWriter, _ *http.Request, s *magloftSub) {
	s.deleted = true
	w.WriteHeader(http.StatusNoContent)
}
