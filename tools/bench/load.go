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

// Load is a kind of work for the contestants.
type Load struct {
	Name      string
	Vendors   []string // enabled vendors
	Lifecycle bool     // complete lives of users; otherwise only activity
	Rules     bool     // for a comparison of usher with and without rules of a team
	About     string
}

const eventSource = "/bench"

// loads lists all loads.
var loads = []Load{
	{Name: "activity", Vendors: []string{"usermost"}, About: "activity.tracked at one vendor (Usermost): one call an event"},
	{Name: "activity-five", Vendors: []string{"meiro", "usermost"}, About: "activity.tracked at both vendors with activity, Meiro and Usermost"},
	{
		Name: "lifecycle", Vendors: scenario.Vendors, Lifecycle: true,
		About: "a user's life at five vendors: created, three enrolments, five activities, deleted",
	},
	{Name: "lifecycle-one", Vendors: []string{"miestro"}, Lifecycle: true, About: "a user's life at Miestro alone, without activity"},
	{
		Name: "rules", Vendors: []string{"miestro"}, Lifecycle: true, Rules: true,
		About: "the same for usher alone: without rules, and with a scope and ten mapped fields",
	},
}

// DescribeLoads returns a line of text about each load.
func DescribeLoads() (list []string) {
	for _, l := range loads {
		list = append(list, fmt.Sprintf("  %-14s %s", l.Name, l.About))
	}
	return list
}

// LoadNamed returns the load with a name.
func LoadNamed(name string) (Load, error) {
	for _, l := range loads {
		if l.Name == name {
			return l, nil
		}
	}
	return Load{}, fmt.Errorf("unknown load %q; use one of:\n%s", name, strings.Join(DescribeLoads(), "\n"))
}

// courses lists the courses of all vendors: an enrolment must be work for every vendor.
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

// life returns the types of a user's events, in order. A load without lifecycle repeats one type.
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

// crowd is the number of interleaved users: neighbours in the stream belong to different users, as
// in production.
const crowd = 100

// whole rounds a number of events up to complete lives of complete crowds.
func (l Load) whole(n int) int {
	if !l.Lifecycle {
		return n
	}
	block := crowd * len(l.life())
	return (n + block - 1) / block * block
}

// users returns the number of users of n events.
func (l Load) users(n int) int {
	if !l.Lifecycle {
		return min(n, 10_000)
	}
	return n / len(l.life())
}

// step returns the user of event i and the step in the user's life.
func (l Load) step(i int) (user, step int) {
	if !l.Lifecycle {
		return i % 10_000, 0
	}
	life := len(l.life())
	block, rest := i/(crowd*life), i%(crowd*life)
	return block*crowd + rest%crowd, rest / crowd
}

// takers returns the vendors with a result for event i.
func (l Load) takers(i int) []string {
	_, step := l.step(i)
	return l.takersAt(step)
}

// takersAt returns the vendors with a result for the event of a step.
func (l Load) takersAt(step int) []string {
	if l.life()[step] != events.ActivityTracked {
		return l.Vendors
	}
	return slices.DeleteFunc(slices.Clone(l.Vendors), func(v string) bool { return !scenario.UsesOurIDs(v) })
}

// subjects returns the types of events with results of a vendor.
func (l Load) subjects(vendor string) (kinds []string) {
	if l.Lifecycle {
		kinds = []string{events.UserCreated, events.EnrollmentRequested, events.UserDeleted}
	}
	if scenario.UsesOurIDs(vendor) {
		kinds = append(kinds, events.ActivityTracked)
	}
	return kinds
}

// results returns the number of results of n events.
func (l Load) results(n int) (sum int) {
	for i := range n {
		sum += len(l.takers(i))
	}
	return sum
}

func eventID(i int) string { return "e" + strconv.Itoa(i) }

// number returns the number of the event with an id, or a negative number for a foreign id.
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

// write returns event number i, at a step of a user's life. An activity passes the number and the
// time of publication to the fake vendor, which measures the latency. Both are texts, because JSON
// numbers may lose digits.
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
		if l.Rules {
			data["attributes"] = map[string]any{"role": "learner", "team": "Red", "campus": "vienna", "year": user % 12}
		}
	}
	data["email"] = fmt.Sprintf("u%d@example.org", user)
	return events.New(kind, eventSource, eventID(i), at, data)
}
