package bench

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
)

// Load is what the contestants are given to do.
type Load struct {
	Name      string
	Vendors   []string // that are on
	Lifecycle bool     // whole lives of users; else activity alone
	About     string
}

const eventSource = "/bench"

// loads are all loads.
var loads = []Load{
	{Name: "activity", Vendors: []string{"usermost"}, About: "activity.tracked at one vendor (Usermost): one call an event"},
	{Name: "activity-five", Vendors: []string{"meiro", "usermost"}, About: "activity.tracked at every vendor that takes it: of the five these are two, Meiro and Usermost"},
	{
		Name: "lifecycle", Vendors: scenario.Vendors, Lifecycle: true,
		About: "a user's life at five vendors: created, three enrolments, five activities, deleted",
	},
	{Name: "lifecycle-one", Vendors: []string{"miestro"}, Lifecycle: true, About: "a user's life at Miestro alone, without activity"},
}

// LoadTexts says of each load what it is, in a line.
func LoadTexts() (lines []string) {
	for _, l := range loads {
		lines = append(lines, fmt.Sprintf("  %-14s %s", l.Name, l.About))
	}
	return lines
}

// LoadNamed returns the load of a name.
func LoadNamed(name string) (Load, error) {
	for _, l := range loads {
		if l.Name == name {
			return l, nil
		}
	}
	return Load{}, fmt.Errorf("there is no load %q; these are:\n%s", name, strings.Join(LoadTexts(), "\n"))
}

// courses are courses that every vendor has: an enrolment must be work for each of
// them.
var courses = func() map[string]map[string]string {
	all := scenario.Courses()
	delete(all, "drama")
	all["chemistry"]["magloft"] = "33"
	return all
}()

var courseNames = slices.Sorted(maps.Keys(courses))

// The events of a user, in this order.
var (
	activityOnly    = []string{events.ActivityTracked}
	withoutActivity = slices.Concat([]string{events.UserCreated}, slices.Repeat([]string{events.EnrollmentRequested}, len(courseNames)), []string{events.UserDeleted})
	wholeLife       = slices.Insert(slices.Clone(withoutActivity), len(withoutActivity)-1, slices.Repeat(activityOnly, 5)...)
)

// life returns the types of a user's events, in order. For a load without
// lifecycle that is one event, again and again.
func (l Load) life() []string {
	switch {
	case !l.Lifecycle:
		return activityOnly
	case slices.ContainsFunc(l.Vendors, scenario.UsesOurIDs):
		return wholeLife
	default:
		return withoutActivity
	}
}

// crowd is how many users' lives are interleaved: neighbours in the stream
// belong to different users, as in life.
const crowd = 100

// whole rounds a number of events up to whole lives of whole crowds.
func (l Load) whole(n int) int {
	if !l.Lifecycle {
		return n
	}
	block := crowd * len(l.life())
	return (n + block - 1) / block * block
}

// users is how many users n events tell of.
func (l Load) users(n int) int {
	if !l.Lifecycle {
		return min(n, 10_000)
	}
	return n / len(l.life())
}

// step is the user of event i, and its place in the user's life.
func (l Load) step(i int) (user, step int) {
	if !l.Lifecycle {
		return i % 10_000, 0
	}
	life := len(l.life())
	block, rest := i/(crowd*life), i%(crowd*life)
	return block*crowd + rest%crowd, rest / crowd
}

// takers are the vendors at which event i has a result.
func (l Load) takers(i int) []string {
	_, step := l.step(i)
	return l.takersAt(step)
}

// takersAt are the vendors at which the event of a step has a result.
func (l Load) takersAt(step int) []string {
	if l.life()[step] != events.ActivityTracked {
		return l.Vendors
	}
	return slices.DeleteFunc(slices.Clone(l.Vendors), func(v string) bool { return !scenario.UsesOurIDs(v) })
}

// subjects are the types of event that a vendor has results for.
func (l Load) subjects(vendor string) (kinds []string) {
	if l.Lifecycle {
		kinds = []string{events.UserCreated, events.EnrollmentRequested, events.UserDeleted}
	}
	if scenario.UsesOurIDs(vendor) {
		kinds = append(kinds, events.ActivityTracked)
	}
	return kinds
}

// results is how many results n events have.
func (l Load) results(n int) (sum int) {
	for i := range n {
		sum += len(l.takers(i))
	}
	return sum
}

func eventID(i int) string { return "e" + strconv.Itoa(i) }

// number is the event that an id names; it is negative for an id that is not ours.
func number(id string) int {
	if len(id) < 2 || id[0] != 'e' {
		return -1
	}
	n, err := strconv.Atoi(id[1:])
	if err != nil {
		return -1
	}
	return n
}

// event returns event i.
func (l Load) event(i int, sent time.Time) (events.Event, error) {
	user, step := l.step(i)
	return l.write(i, user, step, sent)
}

// write returns an event of a user: number i, at a step of the user's life. An
// activity carries its number and the time of its publication to the vendor, which
// measures the time it took; as texts, since a number may lose digits on its way.
func (l Load) write(i, user, step int, sent time.Time) (events.Event, error) {
	kind, at := l.life()[step], scenario.Start.Add(time.Duration(i)*time.Second)
	data := map[string]any{"user_id": fmt.Sprintf("u%d", user)}
	switch kind {
	case events.ActivityTracked:
		data["name"], data["occurred_at"] = "lesson_viewed", at.Format(time.RFC3339)
		data["properties"] = map[string]any{"seq": strconv.Itoa(i), "sent": strconv.FormatInt(sent.UnixNano(), 10), "course": "algebra", "minutes": 12}
		return events.New(kind, eventSource, eventID(i), at, data)
	case events.EnrollmentRequested:
		data["course_id"] = courseNames[step-1]
	case events.UserCreated:
		data["first_name"], data["last_name"] = "Ada", fmt.Sprintf("L%d", user)
	}
	data["email"] = fmt.Sprintf("u%d@example.org", user)
	return events.New(kind, eventSource, eventID(i), at, data)
}
