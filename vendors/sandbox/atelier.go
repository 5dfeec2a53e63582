package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Credentials of the fake Atelier; any other key except WrongCredential is accepted too.
const (
	AtelierKey     = "sandbox-atelier-key"
	atelierCourses = 50 // c1 to c50
	atelierPage    = 25 // people of a page
)

// atelier is a fake of Atelier, a made-up course platform: examples/vendors/atelier.md is its
// document. Refusals are 200s with ok false.
type atelier struct {
	guard

	config Config
	people []*atelierPerson // by number: people[0] has number 1
	seats  []Enrollment
}

// atelierPerson is a person, with counts for the State.
type atelierPerson struct {
	No     int    `json:"no"`
	Mail   string `json:"mail"`
	Given  string `json:"given"`
	Family string `json:"family"`
	Ref    string `json:"ref"`
	Team   bool   `json:"team"`
	Closed bool   `json:"closed"`

	deleted                            bool
	creates, updates, erases, restores int
}

// atelierWrite is the body of the calls that add or change a person.
type atelierWrite struct {
	Mail   *string `json:"mail"`
	Given  *string `json:"given"`
	Family *string `json:"family"`
	Ref    *string `json:"ref"`
}

func newAtelier(c Config) *atelier { return &atelier{config: c} }

func (a *atelier) name() string { return "atelier" }

func (a *atelier) base() string { return "/atelier/api" }

func (a *atelier) creations() []string { return []string{"POST /people"} }

func (a *atelier) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /people":                         a.authed(a.list),
		"POST /people":                        a.authed(a.addPerson),
		"GET /people/{no}":                    a.authed(a.withPerson(func(w http.ResponseWriter, _ *http.Request, p *atelierPerson) { a.done(w, p) })),
		"POST /people/{no}/change":            a.authed(a.withPerson(a.change)),
		"POST /people/{no}/close":             a.authed(a.withPerson(a.lock(true))),
		"POST /people/{no}/reopen":            a.authed(a.withPerson(a.lock(false))),
		"DELETE /people/{no}":                 a.authed(a.withPerson(a.remove)),
		"GET /people/{no}/seats":              a.authed(a.withPerson(a.listSeats)),
		"PUT /courses/{course}/seats/{no}":    a.authed(a.withPerson(a.seat)),
		"DELETE /courses/{course}/seats/{no}": a.authed(a.withPerson(a.unseat)),
	}
}

func (a *atelier) authed(next http.HandlerFunc) http.HandlerFunc {
	allowed := func(r *http.Request) bool { return validCredential(r.Header.Get("X-Atelier-Key")) }
	return a.only(allowed, object{"ok": false, "why": "bad_key"}, next)
}

// done answers with success, and no with a refusal.
func (a *atelier) done(w http.ResponseWriter, data any) {
	answer(w, http.StatusOK, object{"ok": true, "data": data})
}

func (a *atelier) no(w http.ResponseWriter, why string) {
	answer(w, http.StatusOK, object{"ok": false, "why": why})
}

// withPerson looks up the person in the path.
func (a *atelier) withPerson(next func(http.ResponseWriter, *http.Request, *atelierPerson)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := positive(r.PathValue("no"), 0)
		course, inCourse := strings.CutPrefix(r.PathValue("course"), "c")
		switch {
		case n < 1 || n > len(a.people) || a.people[n-1].deleted:
			a.no(w, "unknown_person")
		case r.PathValue("course") != "" && (!inCourse || positive(course, 0) < 1 || positive(course, 0) > atelierCourses):
			a.no(w, "unknown_course")
		default:
			next(w, r, a.people[n-1])
		}
	}
}

// list answers with the people whose mail begins with the query, or with the ref of the query, one
// page at a time.
func (a *atelier) list(w http.ResponseWriter, r *http.Request) {
	var hits []*atelierPerson
	for _, p := range a.people {
		begins := strings.HasPrefix(strings.ToLower(p.Mail), strings.ToLower(r.URL.Query().Get("mail")))
		if ref := r.URL.Query().Get("ref"); ref != "" && ref != p.Ref {
			continue
		}
		if begins && !p.deleted && p.No > positive(r.URL.Query().Get("after"), 0) {
			hits = append(hits, p)
		}
	}
	var after any
	if len(hits) > atelierPage {
		hits = hits[:atelierPage]
		after = strconv.Itoa(hits[atelierPage-1].No)
	}
	a.done(w, object{"people": append([]*atelierPerson{}, hits...), "after": after})
}

// byMail returns the person with the mail, or nil.
func (a *atelier) byMail(mail string) *atelierPerson {
	for _, p := range a.people {
		if !p.deleted && strings.EqualFold(p.Mail, mail) {
			return p
		}
	}
	return nil
}

// add adds a person.
func (a *atelier) add(p atelierPerson) *atelierPerson {
	p.No = len(a.people) + 1
	a.people = append(a.people, &p)
	return &p
}

func (a *atelier) addPerson(w http.ResponseWriter, r *http.Request) {
	var in atelierWrite
	switch {
	case !decode(r, &in) || in.Mail == nil || !strings.Contains(*in.Mail, "@"):
		a.no(w, "mail_missing")
	case a.byMail(*in.Mail) != nil && a.config.Switches.DuplicateEmail != "second":
		a.no(w, "mail_in_use")
	default:
		p := a.add(atelierPerson{creates: 1})
		p.merge(in)
		a.done(w, object{"no": p.No})
	}
}

// merge sets the fields of a request that are there.
func (p *atelierPerson) merge(in atelierWrite) {
	for to, value := range map[*string]*string{&p.Mail: in.Mail, &p.Given: in.Given, &p.Family: in.Family, &p.Ref: in.Ref} {
		if value != nil {
			*to = *value
		}
	}
}

func (a *atelier) change(w http.ResponseWriter, r *http.Request, p *atelierPerson) {
	var in atelierWrite
	if !decode(r, &in) {
		a.no(w, "not_json")
		return
	}
	if in.Mail != nil {
		if twin := a.byMail(*in.Mail); twin != nil && twin != p {
			a.no(w, "mail_in_use")
			return
		}
	}
	p.merge(in)
	p.updates++
	a.done(w, nil)
}

// lock returns the call that closes or reopens an account; a repeat is refused.
func (a *atelier) lock(closed bool) func(http.ResponseWriter, *http.Request, *atelierPerson) {
	why := map[bool]string{true: "already_closed", false: "not_closed"}[closed]
	return func(w http.ResponseWriter, _ *http.Request, p *atelierPerson) {
		if p.Closed == closed {
			a.no(w, why)
			return
		}
		p.Closed = closed
		a.done(w, nil)
	}
}

func (a *atelier) remove(w http.ResponseWriter, _ *http.Request, p *atelierPerson) {
	p.deleted = true
	p.erases++
	for i, s := range a.seats {
		if s.UserID == strconv.Itoa(p.No) {
			a.seats[i].Active = false
		}
	}
	a.done(w, nil)
}

// place returns the index of the seat in use, or -1.
func (a *atelier) place(p *atelierPerson, course string) int {
	return slices.IndexFunc(a.seats, func(e Enrollment) bool {
		return e.Active && e.UserID == strconv.Itoa(p.No) && e.CourseID == course
	})
}

func (a *atelier) listSeats(w http.ResponseWriter, _ *http.Request, p *atelierPerson) {
	courses := []string{}
	for _, s := range a.seats {
		if s.Active && s.UserID == strconv.Itoa(p.No) {
			courses = append(courses, s.CourseID)
		}
	}
	a.done(w, object{"courses": courses})
}

func (a *atelier) seat(w http.ResponseWriter, r *http.Request, p *atelierPerson) {
	if at := a.place(p, r.PathValue("course")); at >= 0 {
		a.seats[at].Applied++
		a.no(w, "seated")
		return
	}
	a.seats = append(a.seats, Enrollment{UserID: strconv.Itoa(p.No), CourseID: r.PathValue("course"), Active: true, Applied: 1})
	a.done(w, nil)
}

func (a *atelier) unseat(w http.ResponseWriter, r *http.Request, p *atelierPerson) {
	at := a.place(p, r.PathValue("course"))
	if at < 0 {
		a.no(w, "not_seated")
		return
	}
	a.seats[at].Active = false
	a.seats[at].Ended++
	a.done(w, nil)
}
