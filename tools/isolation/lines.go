package isolation

import (
	"context"
	"fmt"
	"strconv"

	"github.com/usherhq/usher/internal/scenario"
)

// Line is one trouble of others at a vendor.
type Line struct {
	Number int
	Vendor string
	Size   int // number of users or events, see text

	text    string                  // with %d for the size
	mapped  bool                    // whether the configuration maps one course for each event
	further func(size int) []string // settings besides the limits
	raise   raise                   // publishes the trouble and waits until the vendor is called
}

// raise publishes a trouble of a size.
type raise func(ctx context.Context, w *world, size int) error

// String returns the trouble in words.
func (l Line) String() string {
	if l.Size == 1 {
		return l.text
	}
	return fmt.Sprintf(l.text, l.Size)
}

// settings returns the settings of usher serve besides the limits.
func (l Line) settings() []string {
	if l.further == nil {
		return nil
	}
	return l.further(l.Size)
}

// vendorCourses is the number of courses of Miestro in the sandbox.
const vendorCourses = 50

// courses returns the map of courses for the configuration. If the line maps one course for each
// event, several of our courses share a course of Miestro. Other vendors use our ids, and only
// require an entry in the map.
func (l Line) courses() map[string]map[string]string {
	if !l.mapped {
		return scenario.Courses()
	}
	courses := map[string]map[string]string{}
	for i := range l.Size {
		courses[course(i)] = map[string]string{"miestro": strconv.Itoa(i%vendorCourses + 1)}
	}
	return courses
}

func course(i int) string { return fmt.Sprintf("course-%05d", i) }

// heldLimits returns settings with a low limit of deletions, so that the trouble stays short.
func heldLimits(size int) []string {
	return []string{fmt.Sprintf("USHER_DELETIONS_COUNT=%d", size/10)}
}

// lines returns all lines, with the sizes of the short form or of the full one.
func lines(short bool) []Line {
	size := func(full, scaled int) int {
		if short {
			return scaled
		}
		return full
	}
	return []Line{
		{Number: 1, Vendor: "miestro", Size: size(300, 300), text: "%d enrolments of missing users", raise: enrolNobody},
		{Number: 2, Vendor: "usermost", Size: size(600, 600), text: "%d users answered with 500", raise: fail},
		{Number: 3, Vendor: "usermost", Size: 1, text: "one user answered with 403", raise: refuse},
		{Number: 4, Vendor: "miestro", Size: size(300, 300), text: "%d deletions stopped by the deletion guard", further: heldLimits, raise: holdDeletions},
		{Number: 5, Vendor: "usermost", Size: size(2000, 500), text: "%d events of one user, 20 ms a call", raise: slowUser},
		{Number: 6, Vendor: "miestro", Size: size(3500, 1000), text: "%d enrolments of one user without an account", mapped: true, raise: enrolOneWithoutAccount},
		{Number: 7, Vendor: "meiro", Size: size(3000, 2000), text: "%d activities before it", raise: track},
		{Number: 8, Vendor: "usermost", Size: size(10000, 3000), text: "one user with %d events", mapped: true, raise: busyUser},
		{Number: 9, Vendor: "miestro", Size: size(5000, 1000), text: "%d courses of one user", mapped: true, raise: enrolOne},
		{Number: 10, Vendor: "usermost", Size: size(1000, 300), text: "%d users answered 429, Retry-After 60 s", raise: throttle},
		{Number: 11, Vendor: "usermost", Size: size(5000, 500), text: "a replay of %d dead letters, 50 ms a call", mapped: true, raise: replay},
		{Number: 12, Vendor: "usermost", Size: size(20000, 3000), text: "a vendor back after a hold, %d events waiting", raise: comeBack},
	}
}
