package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
)

// Scenario is a term at a school: pupils join, enrol, learn and leave. The publications have
// duplicates, and events out of order.
type Scenario struct {
	events    []events.Event // without duplicates, in order of publication
	Published []scenario.Publication
	Pupils    []*Pupil
}

// Pupil is a user with the facts that the demo looks up at the vendors.
type Pupil struct {
	scenario.User
	moved, taken int // number of names and of courses
	activities   []activity
}

type activity struct {
	name string
	at   time.Time
}

const (
	lateShare   = 0.08 // of the enrolments: published before the pupil's creation
	repeatShare = 0.08 // of the events: published again, later
	leaveShare  = 0.15 // of the pupils
	moveShare   = 0.06 // of actions: a new name
	dropShare   = 0.05 // of actions: a course is dropped
	returnShare = 0.3  // of actions of former pupils: the pupil comes back
)

var (
	firstNames = []string{"Ada", "Björn", "Chidi", "Dora", "Emre", "Fatou", "Grace", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Mina", "Noor", "Olga", "Pavel", "Rosa", "Sven", "Tariq", "Uma"}
	lastNames  = []string{"Abara", "Berg", "Castro", "Diallo", "Ek", "Fischer", "Gupta", "Haas", "Ito", "Jansen", "Kaya", "Lund", "Moreau", "Novak", "Okoye", "Park", "Rossi", "Santos", "Tanaka", "Weiss"}
	actions    = []string{"lesson_viewed", "quiz_passed", "forum_posted", "video_watched", "homework_handed_in"}
)

// writer writes a Scenario.
type writer struct {
	scenario.Writer
	pupils []*Pupil
	rng    *rand.Rand
}

// NewScenario writes n events. The same seed writes the same events.
func NewScenario(n int, seed uint64) (*Scenario, error) {
	w := &writer{rng: rand.New(rand.NewPCG(seed, 1))}
	for len(w.Events) < n {
		w.step(n)
	}
	order, published := w.publish()
	return &Scenario{events: order, Published: published, Pupils: w.pupils}, w.Err
}

// step adds the next event: a new pupil joins, or another pupil acts.
func (w *writer) step(n int) {
	joining := len(w.pupils) == 0 || (len(w.pupils) < n/7+1 && w.rng.Float64() < 0.25)
	if joining {
		w.join()
		return
	}
	p := w.pupils[w.rng.IntN(len(w.pupils))]
	switch dice := w.rng.Float64(); {
	case p.Deleted && dice < returnShare && n-len(w.Events) > 1:
		w.comeBack(p)
	case p.Deleted:
		w.act(w.pupils[0]) // the first pupil never leaves
	case dice < 0.3 && p.taken < len(scenario.CourseIDs):
		w.enroll(p)
	case dice < 0.3+leaveShare/3 && p != w.pupils[0]:
		w.Delete(&p.User)
	case dice > 1-moveShare:
		w.move(p)
	case dice > 1-moveShare-dropShare && len(p.Courses) > 0:
		w.Cancel(&p.User)
	default:
		w.act(p)
	}
}

func (w *writer) join() {
	n := len(w.pupils) + 1
	p := &Pupil{User: scenario.User{ID: fmt.Sprintf("pupil-%d", n), First: pick(w.rng, firstNames), Last: pick(w.rng, lastNames)}}
	tag := ""
	if n%5 == 0 {
		tag = "+school" // look-ups often fail for addresses with a plus
	}
	p.Email = fmt.Sprintf("%s.%s%d%s@example.org", ascii(p.First), ascii(p.Last), n, tag)
	w.pupils = append(w.pupils, p)
	w.Create(&p.User)
}

// move gives a pupil a new name.
func (w *writer) move(p *Pupil) {
	p.moved++
	p.Last = fmt.Sprintf("%s-%d", pick(w.rng, lastNames), p.moved)
	w.Update(&p.User)
}

// comeBack restores a former pupil. Most vendors cannot restore, so a creation follows, with a
// new address: LEAD keeps the address of a deleted account.
func (w *writer) comeBack(p *Pupil) {
	w.Restore(&p.User)
	p.Email = strings.Replace(p.Email, "@", "+back@", 1)
	w.Create(&p.User)
}

func (w *writer) enroll(p *Pupil) {
	course := scenario.CourseIDs[(p.taken+len(p.ID))%len(scenario.CourseIDs)]
	p.taken++
	w.Enroll(&p.User, course)
}

func (w *writer) act(p *Pupil) {
	a := activity{name: pick(w.rng, actions), at: w.Now()}
	p.activities = append(p.activities, a)
	w.Act(&p.User, a.name, 1+w.rng.IntN(90))
}

// publish returns the events in order of publication, and the publications: some enrolments
// come before the creation of their pupil, and some events are repeated later.
func (w *writer) publish() (order []events.Event, published []scenario.Publication) {
	order = w.Events
	for i, e := range order {
		if e.Type() == events.EnrollmentRequested && w.rng.Float64() < lateShare && !leftBefore(order[:i], events.UserID(e)) {
			order = early(order, i)
		}
	}
	for _, e := range order {
		published = append(published, scenario.Publication{Event: e})
	}
	for _, e := range order {
		if w.rng.Float64() < repeatShare {
			first := slices.IndexFunc(published, func(p scenario.Publication) bool { return p.Event.ID() == e.ID() })
			at := first + 1 + w.rng.IntN(len(published)-first)
			published = slices.Insert(published, at, scenario.Publication{Event: e, Repeat: true})
		}
	}
	return order, published
}

// leftBefore reports whether the list deletes the user.
func leftBefore(list []events.Event, user string) bool {
	return slices.ContainsFunc(list, func(e events.Event) bool { return e.Type() == events.UserDeleted && events.UserID(e) == user })
}

// early returns the list with the event at i just before the creation of its user.
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

// ascii returns a name in lower-case ASCII, for an address.
func ascii(name string) string {
	return strings.ToLower(strings.NewReplacer("ö", "oe", "ü", "ue", "ä", "ae").Replace(name))
}
