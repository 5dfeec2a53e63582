package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Vendors lists the names of the five vendors.
var Vendors = []string{"miestro", "meiro", "lead", "magloft", "usermost"}

// CourseIDs lists the courses of the school.
var CourseIDs = slices.Sorted(maps.Keys(Courses()))

// Courses returns the vendors' ids of the courses: course → vendor → id. Meiro and Usermost use
// the ids of the school. Few programs turn on a SCIM server too.
func Courses() map[string]map[string]string {
	return map[string]map[string]string{
		"algebra":   {"miestro": "11", "lead": "21", "magloft": "31", "scim": "41"},
		"biology":   {"miestro": "12", "lead": "22", "magloft": "32", "scim": "42"},
		"chemistry": {"miestro": "13", "lead": "23", "scim": "43"},
		"drama":     {"lead": "24", "magloft": "34", "scim": "44"},
	}
}

// CourseAt returns a vendor's id of a course, empty if the vendor has no such course.
func CourseAt(vendor, course string) string {
	if UsesOurIDs(vendor) {
		return course
	}
	return Courses()[course][vendor]
}

// UsesOurIDs reports whether a vendor identifies users and courses by the ids of the school. Such
// vendors also record activity, and store activity beyond a user's deletion.
func UsesOurIDs(vendor string) bool { return vendor == "meiro" || vendor == "usermost" }

// CourseFile returns a configuration file of usher serve with the courses.
func CourseFile(courses map[string]map[string]string) string {
	var b strings.Builder
	b.WriteString("courses:\n")
	for _, course := range slices.Sorted(maps.Keys(courses)) {
		fmt.Fprintf(&b, "  %s:\n", course)
		for _, vendor := range slices.Sorted(maps.Keys(courses[course])) {
			fmt.Fprintf(&b, "    %s: %s\n", vendor, courses[course][vendor])
		}
	}
	return b.String()
}
