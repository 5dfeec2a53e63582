package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/scenario"
)

// consumers returns the required consumers of a vendor.
func (c Config) consumers(vendor string) []string {
	if usesOurIDs(vendor) && !c.Rules {
		return []string{"lifecycle", "activity"}
	}
	return []string{"lifecycle"}
}

// post is one publication.
type post struct {
	scenario.Publication
	at   time.Duration // since the start
	user int
}

// writer writes the publications of a run. The same seed gives the same publications.
type writer struct {
	scenario.Writer
	config Config
	rng    *rand.Rand
	posts  []post
}

// posts returns all publications, in order.
func posts(c Config) ([]post, error) {
	w := newWriter(c)
	for user := range c.Users {
		l := w.life(user)
		for l.count < c.Events {
			l.step()
			l.post()
		}
	}
	return w.finish()
}

func newWriter(c Config) *writer {
	return &writer{config: c, rng: rand.New(rand.NewPCG(c.Seed, 1))}
}

// life returns the life of a user, without events.
func (w *writer) life(user int) life {
	l := life{writer: w, number: user, quick: w.rng.Float64() < 0.3}
	l.user = scenario.User{ID: userID(user), Email: email(user), First: "Ada"}
	l.at = time.Duration(w.rng.Float64() * 0.6 * float64(w.config.Span))
	return l
}

// finish adds the repeats, and returns all publications in order.
func (w *writer) finish() ([]post, error) {
	for _, p := range slices.Clone(w.posts) {
		if w.rng.Float64() < w.config.Repeats {
			w.repeat(p)
		}
	}
	slices.SortStableFunc(w.posts, func(a, b post) int { return cmp.Compare(a.at, b.at) })
	return w.posts, w.Err
}

// repeat publishes an event a second time: at once, or some seconds later.
func (w *writer) repeat(p post) {
	late := time.Duration(w.rng.IntN(300)) * time.Millisecond
	if w.rng.Float64() < 0.6 {
		late = 3*time.Second + time.Duration(w.rng.IntN(7000))*time.Millisecond
	}
	p.at, p.Repeat = p.at+late, true
	w.posts = append(w.posts, p)
}

// life writes the events of one user.
type life struct {
	*writer
	number  int
	user    scenario.User
	at      time.Duration
	quick   bool // all events come at once
	count   int
	alive   bool // created, and not deleted since; a restoration alone creates no account at most vendors
	waiting bool // an enrolment waits for a creation
}

// step writes the next event. Enrolments come while the user exists, or before a creation that
// certainly follows.
func (l *life) step() {
	left := l.config.Events - l.count
	dice := l.rng.Float64()
	u := &l.user
	switch {
	case !l.alive && (dice < 0.4 || (l.waiting && left == 1)):
		l.create()
	case !l.alive && dice < 0.55 && left > 1:
		l.waiting = true
		l.enroll()
	case !l.alive && l.count == 0:
		l.create()
	case u.Deleted && !l.waiting && dice < 0.75:
		l.Restore(u)
	case l.alive && dice < 0.3:
		l.enroll()
	case l.alive && dice < 0.42:
		l.rename()
		l.Update(u)
	case l.alive && dice < 0.52 && len(u.Courses) > 0:
		l.Cancel(u)
	case l.alive && dice < 0.64:
		l.alive = false
		l.Delete(u)
	default:
		l.Act(u, "lesson_viewed", 12)
	}
}

func (l *life) create() {
	l.alive, l.waiting = true, false
	l.rename()
	l.Create(&l.user)
}

// rename gives the user a new name.
func (l *life) rename() { l.user.Last = fmt.Sprint("L", l.count) }

// enroll requests a course, mostly a new course of the user.
func (l *life) enroll() {
	course := l.course()
	for range 3 {
		if !slices.Contains(l.user.Courses, course) {
			break
		}
		course = l.course()
	}
	l.Enroll(&l.user, course)
}

func (l *life) course() string { return scenario.CourseIDs[l.rng.IntN(len(scenario.CourseIDs))] }

// post schedules the last written event.
func (l *life) post() {
	l.posts = append(l.posts, post{Publication: scenario.Publication{Event: l.Events[len(l.Events)-1]}, at: l.at, user: l.number})
	l.count++
	if l.quick {
		l.at += time.Duration(l.rng.IntN(20)) * time.Millisecond
		return
	}
	l.at += time.Duration(l.rng.Float64() * 0.8 * float64(l.config.Span) / float64(l.config.Events))
}

func userID(user int) string { return fmt.Sprintf("u%d", user) }

func email(user int) string { return userID(user) + "@example.org" }
