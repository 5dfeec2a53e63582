package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
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
		Name: "lifecycle", Vendors: []string{"miestro", "meiro", "lead", "magloft", "usermost"}, Lifecycle: true,
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

// tracking are the vendors that take activity.
var tracking = []string{"meiro", "usermost"}

var courseNames = []string{"algebra", "biology", "chemistry"}

// courses are the vendors' own ids of our courses; Meiro and Usermost go by ours.
var courses = map[string]map[string]string{
	"algebra":   {"miestro": "11", "lead": "21", "magloft": "31"},
	"biology":   {"miestro": "12", "lead": "22", "magloft": "32"},
	"chemistry": {"miestro": "13", "lead": "23", "magloft": "33"},
}

// life is what happens to a user, in this order.
func (l Load) life() []string {
	life := []string{events.UserCreated}
	for range courseNames {
		life = append(life, events.EnrollmentRequested)
	}
	for range 5 {
		if l.tracks() {
			life = append(life, events.ActivityTracked)
		}
	}
	return append(life, events.UserDeleted)
}

// tracks tells whether any of the vendors takes activity.
func (l Load) tracks() bool {
	return slices.ContainsFunc(l.Vendors, func(v string) bool { return slices.Contains(tracking, v) })
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
	life := len(l.life())
	block, rest := i/(crowd*life), i%(crowd*life)
	return block*crowd + rest%crowd, rest / crowd
}

// kind is the type of event i.
func (l Load) kind(i int) string {
	if !l.Lifecycle {
		return events.ActivityTracked
	}
	_, step := l.step(i)
	return l.life()[step]
}

// takers are the vendors at which event i has a result.
func (l Load) takers(i int) []string {
	if l.kind(i) != events.ActivityTracked {
		return l.Vendors
	}
	return slices.DeleteFunc(slices.Clone(l.Vendors), func(v string) bool { return !slices.Contains(tracking, v) })
}

// subjects are the types of event that a vendor has results for.
func (l Load) subjects(vendor string) (kinds []string) {
	if l.Lifecycle {
		kinds = []string{events.UserCreated, events.EnrollmentRequested, events.UserDeleted}
	}
	if slices.Contains(tracking, vendor) {
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

// begin makes the times that events tell of; they are no times of the bench.
var begin = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

// event is the event of a number, published at sent. Activities carry both to
// the vendor, who so can tell how long they took: as texts, since a number may
// lose digits on its way.
func (l Load) event(i int, sent time.Time) (events.Event, error) {
	kind, user := l.kind(i), i%10_000
	data := map[string]any{}
	if l.Lifecycle {
		var step int
		user, step = l.step(i)
		if kind == events.EnrollmentRequested {
			data["course_id"] = courseNames[step-1]
		}
	}
	data["user_id"] = fmt.Sprintf("u%d", user)
	if kind == events.ActivityTracked {
		data["name"], data["occurred_at"] = "lesson_viewed", begin.Add(time.Duration(i)*time.Second).Format(time.RFC3339)
		data["properties"] = map[string]any{"seq": strconv.Itoa(i), "sent": strconv.FormatInt(sent.UnixNano(), 10), "course": "algebra", "minutes": 12}
	} else {
		data["email"] = fmt.Sprintf("u%d@example.org", user)
	}
	if kind == events.UserCreated {
		data["first_name"], data["last_name"] = "Ada", fmt.Sprintf("L%d", user)
	}
	return events.New(kind, eventSource, eventID(i), begin.Add(time.Duration(i)*time.Second), data)
}
