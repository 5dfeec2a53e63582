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

// Scenario is what happens at a school during the demo: who joined, enrolled,
// did something and left, and how untidily that was published.
type Scenario struct {
	events    []events.Event // each once, in the order of their first publication
	Published []scenario.Publication
	Pupils    []*Pupil
}

// Pupil is a user, and what the demo looks up at the vendors.
type Pupil struct {
	scenario.User
	moved, taken int // how many names and courses there were
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
	moveShare   = 0.06 // of what a pupil does: another name
	dropShare   = 0.05 // of what a pupil does: a course is dropped
	returnShare = 0.3  // of what happens to those who have left: one comes back
)

var (
	firstNames = []string{"Ada", "Björn", "Chidi", "Dora", "Emre", "Fatou", "Grace", "Hugo", "Ines", "Jun", "Kofi", "Lena", "Mina", "Noor", "Olga", "Pavel", "Rosa", "Sven", "Tariq", "Uma"}
	lastNames  = []string{"Abara", "Berg", "Castro", "Diallo", "Ek", "Fischer", "Gupta", "Haas", "Ito", "Jansen", "Kaya", "Lund", "Moreau", "Novak", "Okoye", "Park", "Rossi", "Santos", "Tanaka", "Weiss"}
	deeds      = []string{"lesson_viewed", "quiz_passed", "forum_posted", "video_watched", "homework_handed_in"}
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

// step adds the next event: a pupil joins, or one who has joined does something.
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
		tag = "+school" // addresses with a plus are where look-ups go wrong
	}
	p.Email = fmt.Sprintf("%s.%s%d%s@example.org", ascii(p.First), ascii(p.Last), n, tag)
	w.pupils = append(w.pupils, p)
	w.Create(&p.User)
}

// move gives a pupil another name.
func (w *writer) move(p *Pupil) {
	p.moved++
	p.Last = fmt.Sprintf("%s-%d", pick(w.rng, lastNames), p.moved)
	w.Update(&p.User)
}

// comeBack restores a pupil who has left. Most vendors cannot, so the school says
// in the same breath that there is to be an account: under another address, since
// LEAD keeps the one that it has deleted.
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
	a := activity{name: pick(w.rng, deeds), at: w.Now()}
	p.activities = append(p.activities, a)
	w.Act(&p.User, a.name, 1+w.rng.IntN(90))
}

// publish returns the events in the order of their first publication, and the
// publications: some enrolments before the creation of their pupil, some events
// again at any later place.
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
