package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
)

// term is a school's term as its events tell it: who joined, enrolled, did
// something and left, and how untidily that was published.
type term struct {
	events    []events.Event // each once, in the order of their first publication
	published []posting      // with duplicates, in the order of publication
	pupils    []*pupil
}

// posting is one publication of an event.
type posting struct {
	event  events.Event
	repeat bool // published before: without Nats-Msg-Id, so that NATS cannot drop it
}

type pupil struct {
	id, email, first, last string
	left                   bool
	moved, taken           int // how many names and courses there were
	courses                []string
	dropped                []string // courses that were cancelled
	activities             []activity
}

type activity struct {
	name string
	at   time.Time
}

const (
	demoSource  = "/school"
	lateShare   = 0.08 // of the enrolments: published before the pupil's creation
	repeatShare = 0.08 // of the events: published again, later
	leaveShare  = 0.15 // of the pupils
	moveShare   = 0.06 // of what a pupil does: another name
	dropShare   = 0.05 // of what a pupil does: a course is dropped
	returnShare = 0.3  // of what happens to those who have left: one comes back
)

// termStart is when the term begins. It is fixed, so that one seed is one demo.
var termStart = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

// courseMap is the demo's courses: ours → vendor → theirs. Meiro and Usermost
// go by our own ids.
func courseMap() handlers.Courses {
	return handlers.Courses{
		"algebra":   {"miestro": "11", "lead": "21", "magloft": "31"},
		"biology":   {"miestro": "12", "lead": "22", "magloft": "32"},
		"chemistry": {"miestro": "13", "lead": "23"},
		"drama":     {"lead": "24", "magloft": "34"},
	}
}

var (
	firstNames = []string{"Ada", "Björn", "Chidi", "Dora", "Emre", "Fatou", "Grace", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Mina", "Noor", "Olga", "Pavel", "Rosa", "Sven", "Tariq", "Uma"}
	lastNames  = []string{"Abara", "Berg", "Castro", "Diallo", "Ek", "Fischer", "Gupta", "Haas", "Ito", "Jansen", "Kaya", "Lund", "Moreau", "Novak", "Okoye", "Park", "Rossi", "Santos", "Tanaka", "Weiss"}
	courseIDs  = []string{"algebra", "biology", "chemistry", "drama"}
	deeds      = []string{"lesson_viewed", "quiz_passed", "forum_posted", "video_watched", "homework_handed_in"}
)

// writer writes a term.
type writer struct {
	*term
	rng *rand.Rand
	err error
}

// newTerm writes a term of n events. The same seed writes the same term.
func newTerm(n int, seed uint64) (*term, error) {
	w := &writer{term: &term{}, rng: rand.New(rand.NewPCG(seed, 1))}
	for len(w.events) < n {
		w.step(n)
	}
	w.publish()
	return w.term, w.err
}

// step adds the next event: a pupil joins, or one who has joined does something.
func (w *writer) step(n int) {
	joining := len(w.pupils) == 0 || (len(w.pupils) < n/7+1 && w.rng.Float64() < 0.25)
	if joining {
		w.join()
		return
	}
	p := w.pupils[w.rng.IntN(len(w.pupils))]
	switch dice := w.rng.Float64(); {
	case p.left && dice < returnShare && n-len(w.events) > 1:
		w.comeBack(p)
	case p.left:
		w.act(w.pupils[0]) // the first pupil never leaves
	case dice < 0.3 && p.taken < len(courseIDs):
		w.enroll(p)
	case dice < 0.3+leaveShare/3 && p != w.pupils[0]:
		p.left, p.courses, p.dropped = true, nil, nil
		w.add(events.UserDeleted, map[string]any{"user_id": p.id, "email": p.email, "reason": "left the school"})
	case dice > 1-moveShare:
		w.move(p)
	case dice > 1-moveShare-dropShare && len(p.courses) > 0:
		w.drop(p)
	default:
		w.act(p)
	}
}

func (w *writer) join() {
	n := len(w.pupils) + 1
	p := &pupil{id: fmt.Sprintf("pupil-%d", n), first: pick(w.rng, firstNames), last: pick(w.rng, lastNames)}
	tag := ""
	if n%5 == 0 {
		tag = "+school" // addresses with a plus are where look-ups go wrong
	}
	p.email = fmt.Sprintf("%s.%s%d%s@example.org", ascii(p.first), ascii(p.last), n, tag)
	w.pupils = append(w.pupils, p)
	w.add(events.UserCreated, p.snapshot())
}

// snapshot is all that the school knows of the pupil.
func (p *pupil) snapshot() map[string]any {
	return map[string]any{
		"user_id": p.id, "email": p.email, "first_name": p.first, "last_name": p.last, "time_zone": "Europe/Berlin",
	}
}

// move gives a pupil another name.
func (w *writer) move(p *pupil) {
	p.moved++
	p.last = fmt.Sprintf("%s-%d", pick(w.rng, lastNames), p.moved)
	w.add(events.UserUpdated, p.snapshot())
}

// comeBack restores a pupil who has left. Most vendors cannot, so the school says
// in the same breath that there is to be an account: under another address, since
// LEAD keeps the one that it has deleted.
func (w *writer) comeBack(p *pupil) {
	p.left = false
	w.add(events.UserRestored, map[string]any{"user_id": p.id, "email": p.email, "reason": "came back"})
	p.email = strings.Replace(p.email, "@", "+back@", 1)
	w.add(events.UserCreated, p.snapshot())
}

func (w *writer) enroll(p *pupil) {
	course := courseIDs[(p.taken+len(p.id))%len(courseIDs)]
	p.taken++
	p.courses = append(p.courses, course)
	w.add(events.EnrollmentRequested, map[string]any{"user_id": p.id, "email": p.email, "course_id": course})
}

// drop cancels the pupil's last course.
func (w *writer) drop(p *pupil) {
	last := len(p.courses) - 1
	course := p.courses[last]
	p.courses, p.dropped = p.courses[:last], append(p.dropped, course)
	w.add(events.EnrollmentCancelled, map[string]any{"user_id": p.id, "email": p.email, "course_id": course})
}

func (w *writer) act(p *pupil) {
	a := activity{name: pick(w.rng, deeds), at: w.now()}
	p.activities = append(p.activities, a)
	w.add(events.ActivityTracked, map[string]any{
		"user_id": p.id, "name": a.name, "occurred_at": a.at.Format(time.RFC3339), "properties": map[string]any{"minutes": 1 + w.rng.IntN(90)},
	})
}

// now is the time in the term: each event has its own minute.
func (w *writer) now() time.Time { return termStart.Add(time.Duration(len(w.events)) * time.Minute) }

func (w *writer) add(kind string, data map[string]any) {
	e, err := events.New(kind, demoSource, fmt.Sprintf("%s-%d", kind, len(w.events)+1), w.now(), data)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.events = append(w.events, e)
}

// publish lays out the postings: some enrolments before the creation of their
// pupil, some events again at any later place.
func (w *writer) publish() {
	order := w.events
	for i, e := range order {
		if e.Type() == events.EnrollmentRequested && w.rng.Float64() < lateShare && !leftBefore(order[:i], events.UserID(e)) {
			order = early(order, i)
		}
	}
	w.events = order
	for _, e := range order {
		w.published = append(w.published, posting{event: e})
	}
	for _, e := range order {
		if w.rng.Float64() < repeatShare {
			first := slices.IndexFunc(w.published, func(p posting) bool { return p.event.ID() == e.ID() })
			at := first + 1 + w.rng.IntN(len(w.published)-first)
			w.published = slices.Insert(w.published, at, posting{event: e, repeat: true})
		}
	}
}

// leftBefore tells whether the user has left by then.
func leftBefore(list []events.Event, user string) bool {
	return slices.ContainsFunc(list, func(e events.Event) bool { return e.Type() == events.UserDeleted && events.UserID(e) == user })
}

// early moves the event at i to just before the creation of its user.
func early(list []events.Event, i int) []events.Event {
	moved := list[i]
	out := make([]events.Event, 0, len(list))
	placed := false
	for j, e := range list {
		if !placed && e.Type() == events.UserCreated && events.UserID(e) == events.UserID(moved) {
			out, placed = append(out, moved), true
		}
		if j != i {
			out = append(out, e)
		}
	}
	return out
}

func pick(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }

// ascii makes a name fit for an address.
func ascii(name string) string {
	return strings.ToLower(strings.NewReplacer("ö", "oe", "ü", "ue", "ä", "ae").Replace(name))
}
