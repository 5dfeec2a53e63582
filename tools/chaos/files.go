package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/scenario"
)

// described is a vendor that a file of kind http describes, at a stand-in.
type described struct {
	file     string   // below the root of the repository
	kind     string   // of the stand-in
	settings []string // variables of the stand-in that are settings of the file
	courses  string   // vendor of the scenario with the same courses; empty: no enrolments
	prefix   string   // before the ids of the courses
	ourIDs   bool     // whether users and courses have the ids of the school, and activity is recorded
	activity bool     // whether the vendor has activity only
	restores bool     // whether the vendor restores a deleted account
	deletes  bool     // whether on_delete must be set, since the vendor can disable accounts
}

// files are the vendors of Config.Vendors with a file instead of an adapter.
var files = map[string]described{
	"miestrofile":   {file: "vendors/twins/miestro.yaml", kind: "miestro", settings: []string{"API_KEY", "API_SECRET"}, courses: "miestro"},
	"meirofile":     {file: "vendors/twins/meiro.yaml", kind: "meiro", settings: []string{"EMAIL", "PASSWORD"}, restores: true, deletes: true},
	"customersfile": {file: "vendors/twins/meirocustomers.yaml", kind: "meiro", settings: []string{"COLLECT_URL"}, ourIDs: true, restores: true},
	"leadfile":      {file: "vendors/twins/lead.yaml", kind: "lead", settings: []string{"EMAIL", "PASSWORD", "UPDATE"}, courses: "lead"},
	"magloftfile":   {file: "vendors/twins/magloft.yaml", kind: "magloft", settings: []string{"ACCESS_TOKEN"}},
	"usermostfile":  {file: "vendors/twins/usermost.yaml", kind: "usermost", settings: []string{"LICENSE_CODE", "API_KEY"}, ourIDs: true},
	"moodle":        {file: "examples/vendors/moodle.yaml", kind: "moodle", settings: []string{"TOKEN"}, courses: "lead", deletes: true},
	"canvas":        {file: "examples/vendors/canvas.yaml", kind: "canvas", settings: []string{"TOKEN"}, courses: "lead", deletes: true},
	"atelier":       {file: "examples/vendors/atelier.yaml", kind: "atelier", settings: []string{"API_KEY"}, courses: "lead", prefix: "c", deletes: true},
	"lrs": {
		file: "examples/vendors/xapi.yaml", kind: "xapi", settings: []string{"CLIENT", "CLIENT_SECRET", "HOME_PAGE", "VERBS", "OBJECT"},
		ourIDs: true, activity: true,
	},
}

// Files returns the names of the vendors with a file.
func Files() []string { return slices.Sorted(maps.Keys(files)) }

// kindOf returns the kind of a vendor: of the stand-in for a vendor with a file, or else the name.
func kindOf(vendor string) string { return cmp.Or(files[vendor].kind, vendor) }

// courseAt returns a vendor's id of a course, empty if the vendor has no such course.
func courseAt(vendor, course string) string {
	f, ok := files[vendor]
	switch {
	case !ok:
		return scenario.CourseAt(vendor, course)
	case f.activity:
		return ""
	case f.ourIDs:
		return course
	}
	if id := scenario.Courses()[course][f.courses]; id != "" {
		return f.prefix + id
	}
	return ""
}

// usesOurIDs reports whether a vendor identifies users and courses by the ids of the school.
func usesOurIDs(vendor string) bool {
	if f, ok := files[vendor]; ok {
		return f.ourIDs
	}
	return scenario.UsesOurIDs(vendor)
}

// fileInstances returns the arguments of the sandbox for the vendors with a file.
func (c Config) fileInstances() (args []string) {
	for _, v := range c.vendors() {
		if f, ok := files[v]; ok {
			args = append(args, "--instance", v+"="+f.kind)
		}
	}
	return args
}

// ofFile returns a variable of the sandbox, NAME=value, as a setting of the file of a vendor. ok is
// false for a variable that the file has no setting for.
func (f described) ofFile(vendor, variable string) (setting string, ok bool) {
	prefix := "USHER_" + strings.ToUpper(vendor) + "_"
	name, value, _ := strings.Cut(strings.TrimPrefix(variable, prefix), "=")
	collects := slices.Contains(f.settings, "COLLECT_URL")
	switch {
	case name == "COLLECT_URL" && collects:
		return prefix + "BASE_URL=" + value, true
	case name == "BASE_URL":
		return variable, !collects
	}
	return variable, slices.Contains(f.settings, name)
}

// fileSection returns the configuration of the vendors with a file. root is the folder of the
// repository. Courses that a vendor lacks are known by the other vendors.
func (c Config) fileSection(root string) string {
	var b strings.Builder
	courses := scenario.Courses()
	b.WriteString("vendors:\n")
	for _, v := range c.vendors() {
		f, ok := files[v]
		if !ok {
			continue
		}
		rules := ""
		if f.deletes {
			rules = ", on_delete: delete"
		}
		fmt.Fprintf(&b, "  %s: {kind: http, file: %q%s}\n", v, root+"/"+f.file, rules)
		for _, course := range scenario.CourseIDs {
			if id := courseAt(v, course); id != "" && !f.ourIDs {
				courses[course][v] = id
			}
		}
	}
	return b.String() + scenario.CourseFile(courses)
}
