package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// vendorNames are the vendors, and lanes the consumers that each must have.
var (
	vendorNames = []string{"miestro", "meiro", "lead", "magloft", "usermost"}
	lanes       = map[string][]string{
		"miestro": {"lifecycle"}, "lead": {"lifecycle"}, "magloft": {"lifecycle"},
		"meiro": {"lifecycle", "activity"}, "usermost": {"lifecycle", "activity"},
	}
)

// courses maps our courses to the vendors' own. Meiro and Usermost go by ours.
var courses = map[string]map[string]string{
	"algebra":   {"miestro": "11", "lead": "21", "magloft": "31"},
	"biology":   {"miestro": "12", "lead": "22", "magloft": "32"},
	"chemistry": {"miestro": "13", "lead": "23"},
	"drama":     {"lead": "24", "magloft": "34"},
}

var courseNames = []string{"algebra", "biology", "chemistry", "drama"}

// theirs returns a vendor's name of a course; empty where it does not have it.
func theirs(vendor, course string) string {
	if byOurs(vendor) {
		return course
	}
	return courses[course][vendor]
}

// byOurs tells whether a vendor goes by our ids, and so keeps what it was told
// of a user beyond the user's deletion.
func byOurs(vendor string) bool { return vendor == "meiro" || vendor == "usermost" }

// courseFile is the configuration file of the workers.
func courseFile() string {
	var b strings.Builder
	b.WriteString("courses:\n")
	for _, name := range courseNames {
		fmt.Fprintf(&b, "  %s:\n", name)
		for _, vendor := range vendorNames {
			if id := courses[name][vendor]; id != "" {
				fmt.Fprintf(&b, "    %s: %s\n", vendor, id)
			}
		}
	}
	return b.String()
}

// post is one publication.
type post struct {
	at    time.Duration // after the beginning
	user  int
	event events.Event
	again bool // published before: without Nats-Msg-Id, so that NATS cannot drop it
}

const source = "/school"

// termStart makes the times of the events, which are part of what vendors go by.
var termStart = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

// term writes what is published. The same seed writes the same.
type term struct {
	config Config
	rng    *rand.Rand
	posts  []post
	err    error
}

func newTerm(c Config) *term {
	return &term{config: c, rng: rand.New(rand.NewPCG(c.Seed, 1))}
}

// write returns all publications, in order.
func (t *term) write() ([]post, error) {
	for user := range t.config.Users {
		l := life{term: t, user: user, quick: t.rng.Float64() < 0.3}
		l.at = time.Duration(t.rng.Float64() * 0.6 * float64(t.config.Span))
		for l.count < t.config.Events {
			l.step()
		}
	}
	for _, p := range slices.Clone(t.posts) {
		if t.rng.Float64() < t.config.Repeats {
			t.again(p)
		}
	}
	slices.SortStableFunc(t.posts, func(a, b post) int { return cmp.Compare(a.at, b.at) })
	return t.posts, t.err
}

// again publishes an event a second time: at once, or some seconds later.
func (t *term) again(p post) {
	late := time.Duration(t.rng.IntN(300)) * time.Millisecond
	if t.rng.Float64() < 0.6 {
		late = 3*time.Second + time.Duration(t.rng.IntN(7000))*time.Millisecond
	}
	p.at, p.again = p.at+late, true
	t.posts = append(t.posts, p)
}

// life is one user's.
type life struct {
	*term
	user    int
	at      time.Duration
	quick   bool // all comes at once
	count   int
	alive   bool
	deleted bool // and not restored since; one who was restored still has no account where the vendor cannot
	waiting bool // an enrolment waits for a creation
	in      []string
}

// step adds the next event. An enrolment comes while the user is there, or
// before a creation that follows for sure.
func (l *life) step() {
	left, dice := l.config.Events-l.count, l.rng.Float64()
	switch {
	case !l.alive && (dice < 0.4 || (l.waiting && left == 1)):
		l.create()
	case !l.alive && dice < 0.55 && left > 1:
		l.waiting = true
		l.enroll()
	case !l.alive && l.count == 0:
		l.create()
	case l.deleted && !l.waiting && dice < 0.75:
		l.deleted = false
		l.add(events.UserRestored, map[string]any{"email": email(l.user)})
	case l.alive && dice < 0.3:
		l.enroll()
	case l.alive && dice < 0.42:
		l.update()
	case l.alive && dice < 0.52 && len(l.in) > 0:
		l.cancel()
	case l.alive && dice < 0.64:
		l.deleted = true
		l.alive, l.in = false, nil
		l.add(events.UserDeleted, map[string]any{"email": email(l.user)})
	default:
		l.add(events.ActivityTracked, map[string]any{"name": "lesson_viewed", "occurred_at": l.now().Format(time.RFC3339)})
	}
}

func (l *life) create() {
	l.alive, l.deleted, l.waiting = true, false, false
	l.add(events.UserCreated, l.snapshot())
}

func (l *life) update() { l.add(events.UserUpdated, l.snapshot()) }

// snapshot has a name that no other one of the user has.
func (l *life) snapshot() map[string]any {
	return map[string]any{"email": email(l.user), "first_name": "Ada", "last_name": fmt.Sprint("L", l.count)}
}

// cancel takes the user out of the course that was asked for last.
func (l *life) cancel() {
	course := l.in[len(l.in)-1]
	l.in = slices.DeleteFunc(l.in, func(c string) bool { return c == course })
	l.add(events.EnrollmentCancelled, map[string]any{"email": email(l.user), "course_id": course})
}

// enroll asks mostly for a course that the user is not in yet.
func (l *life) enroll() {
	course := courseNames[l.rng.IntN(len(courseNames))]
	for range 3 {
		if !slices.Contains(l.in, course) {
			break
		}
		course = courseNames[l.rng.IntN(len(courseNames))]
	}
	l.in = append(l.in, course)
	l.add(events.EnrollmentRequested, map[string]any{"email": email(l.user), "course_id": course})
}

// now is the event's own time: each has another.
func (l *life) now() time.Time {
	return termStart.Add(time.Duration(len(l.posts)) * time.Minute)
}

func (l *life) add(kind string, data map[string]any) {
	data["user_id"] = userID(l.user)
	e, err := events.New(kind, source, fmt.Sprintf("%s-%d", userID(l.user), l.count), l.now(), data)
	if err != nil && l.err == nil {
		l.err = err
	}
	l.posts = append(l.posts, post{at: l.at, user: l.user, event: e})
	l.count++
	if l.quick {
		l.at += time.Duration(l.rng.IntN(20)) * time.Millisecond
		return
	}
	l.at += time.Duration(l.rng.Float64() * 0.8 * float64(l.config.Span) / float64(l.config.Events))
}

func userID(user int) string { return fmt.Sprintf("u%d", user) }

func email(user int) string { return fmt.Sprintf("u%d@example.org", user) }
