package ops

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Cause is the cause of a dead letter: Key is stable, and free of the texts of vendors.
type Cause struct {
	Key  string // class and place of the fault, such as invalid:course:go-101
	Text string // in words
}

// operation is the beginning of a vendor's error: vendor and call.
var operation = regexp.MustCompile(`^[a-z][a-z0-9]*: [a-z][a-z0-9 -]*:`)

// plainID is the form of course ids that a cause names. Other texts may be personal data.
var plainID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$`)

// causeOf returns the cause of a dead letter.
func causeOf(l Letter) Cause {
	invalid := strings.TrimPrefix(l.Message, "invalid event: ")
	switch {
	case l.Rule == "course" && plainID.MatchString(l.Course):
		return Cause{l.Class + ":course:" + l.Course, "course " + l.Course + " is mapped nowhere"}
	case l.Rule != "":
		return Cause{l.Class + ":" + l.Rule + ":" + l.Pointer, invalid}
	case l.Class == "prerequisite":
		return Cause{l.Class + ":" + l.Type, l.Message}
	}
	return causeOfCall(l).ofCourse(l)
}

// causeOfCall returns the cause of a dead letter after a call of the vendor.
func causeOfCall(l Letter) Cause {
	call := strings.TrimSuffix(operation.FindString(l.Message), ":")
	switch {
	case call != "" && l.Status != 0:
		return Cause{fmt.Sprintf("%s:%s:%d", l.Class, strings.ReplaceAll(call, ": ", ":"), l.Status), fmt.Sprintf("%s: status %d", call, l.Status)}
	case call != "":
		return Cause{l.Class + ":" + strings.ReplaceAll(call, ": ", ":"), l.Message}
	default:
		return Cause{l.Class + ":" + l.Vendor, l.Message}
	}
}

// ofCourse returns the cause of an enrolment that the vendor refused: each course may have a wrong
// mapping of its own.
func (c Cause) ofCourse(l Letter) Cause {
	if l.Class != "permanent" || !plainID.MatchString(l.Course) {
		return c
	}
	text := c.Text + " (course " + l.Course
	if l.theirCourse != "" {
		text += ", now " + l.theirCourse + " at " + l.Vendor
	}
	return Cause{c.Key + ":course:" + l.Course, text + ")"}
}

// Group is a group of dead letters with one cause.
type Group struct {
	Cause          Cause
	Class          string
	Letters        int
	Events         int
	Vendors        []string // sorted; streams.EventPlace for all
	Oldest, Newest time.Time
	Example        string         // ID of the newest
	States         map[string]int // number of dead letters by state

	events map[string]bool
}

// Groups returns the dead letters by cause, the largest group first.
func Groups(list []Letter) []Group {
	by := map[string]*Group{}
	var order []*Group
	for _, l := range list {
		g := by[l.Cause.Key]
		if g == nil {
			g = &Group{Class: l.Class, Oldest: l.FirstTry, States: map[string]int{}, events: map[string]bool{}}
			by[l.Cause.Key] = g
			order = append(order, g)
		}
		g.add(l)
	}
	slices.SortStableFunc(order, func(a, b *Group) int {
		return cmp.Or(b.Letters-a.Letters, cmp.Compare(a.Cause.Key, b.Cause.Key))
	})
	out := make([]Group, len(order))
	for i, g := range order {
		slices.Sort(g.Vendors)
		out[i] = *g
	}
	return out
}

func (g *Group) add(l Letter) {
	g.Letters++
	g.States[l.State]++
	if id := l.Source + "\x00" + l.EventID + "\x00" + l.Type; l.EventID == "" || !g.events[id] {
		g.events[id] = true
		g.Events++
	}
	if !slices.Contains(g.Vendors, l.Vendor) {
		g.Vendors = append(g.Vendors, l.Vendor)
	}
	if l.FirstTry.Before(g.Oldest) {
		g.Oldest = l.FirstTry
	}
	if !l.LastTry.Before(g.Newest) {
		g.Newest, g.Cause, g.Example = l.LastTry, l.Cause, l.ID()
	}
}
