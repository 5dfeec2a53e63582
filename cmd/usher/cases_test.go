package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

// caseStep is one block of a case of the documents: a file, events, or a table.
type caseStep struct {
	file   string
	events []string
	table  string            // the head of the second column
	rows   map[string]string // vendor → list
}

// caseBlock matches the blocks of a case.
var caseBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```|```json\n(.*?)```|\\| vendor \\| (accounts|accounts from before|dead letters) \\|\n\\|---\\|---\\|\n((?:\\|[^\n]*\n)+)")

// casesOf returns the cases of a document, by title.
func casesOf(t *testing.T, page string) map[string][]caseStep {
	t.Helper()
	cases := map[string][]caseStep{}
	text := string(read(t, filepath.Join("..", "..", filepath.FromSlash(page))))
	for _, part := range strings.Split(text, "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		title, isCase := strings.CutPrefix(title, "Case: ")
		if !isCase {
			continue
		}
		for _, block := range caseBlock.FindAllStringSubmatch(body, -1) {
			s := caseStep{file: block[1], table: block[3], rows: map[string]string{}}
			if block[2] != "" {
				s.events = strings.Split(strings.TrimSpace(block[2]), "\n")
			}
			for row := range strings.Lines(block[4]) {
				cells := strings.Split(row, "|")
				s.rows[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
			}
			cases[title] = append(cases[title], s)
		}
	}
	return cases
}

// TestCases runs the cases of the documents.
func TestCases(t *testing.T) {
	t.Parallel()
	for page, titles := range map[string][]string{
		"docs/rules.md":    {"two academies", "learners only", "an attribute in a field", "a new vendor from now on", "from shadow to live", "contractors and a pilot"},
		"docs/leaving.md":  {"disable, then delete", "leaving the scope"},
		"docs/matching.md": {"a school with a past"},
	} {
		cases := casesOf(t, page)
		for _, title := range titles {
			steps := cases[title]
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				newCase(t, steps).run(steps)
			})
			delete(cases, title)
		}
		if len(cases) > 0 {
			t.Errorf("%s: got cases that are not run: %v", page, cases)
		}
	}
}

// caseWorld runs a case.
type caseWorld struct {
	*world
	all     []string // variables of all vendors
	vendors []string // that are on
	sent    int
	users   map[string]string // id of an event → user
}

// newCase returns a world with a stand-in for each vendor of the files.
func newCase(t *testing.T, steps []caseStep) *caseWorld {
	t.Helper()
	w := newWorld(t)
	further := map[string]string{}
	for _, s := range steps {
		for name, section := range sections(t, s.file) {
			if kind, _ := section["kind"].(string); kind != "" {
				further[name] = kind
			}
		}
	}
	stands, err := sandbox.New(sandbox.Config{Instances: further})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w.stands = stands
	return &caseWorld{world: w, users: map[string]string{}, all: append(w.environ, stands.Environ(strings.TrimPrefix(web.URL, "http://"))...)}
}

// sections returns the sections of the vendors in a file.
func sections(t *testing.T, file string) map[string]map[string]any {
	t.Helper()
	var c struct {
		Vendors map[string]map[string]any `yaml:"vendors"`
	}
	if err := yaml.Unmarshal([]byte(file), &c); err != nil {
		t.Fatal(err)
	}
	return c.Vendors
}

// run carries out the steps. A further file restarts serve.
func (c *caseWorld) run(steps []caseStep) {
	if len(steps) < 3 {
		c.t.Fatalf("got %d blocks, want a file, events and a table", len(steps))
	}
	serving := false
	for _, s := range steps {
		switch {
		case s.file != "":
			if serving {
				c.end()
			}
			c.configure(s.file)
			c.serve()
			c.until("every vendor is served", func() bool { return c.every(func(v ops.VendorStatus) bool { return v.State == ops.Serving }) })
			serving = true
		case s.events != nil:
			for _, line := range s.events {
				c.publish(line)
			}
		case s.table == "accounts from before":
			c.before(s.rows)
		case s.table == "dead letters":
			c.letters(s.rows)
		default:
			c.holds(s.rows)
		}
	}
	c.end()
}

// before makes accounts by hand.
func (c *caseWorld) before(rows map[string]string) {
	for vendor, list := range rows {
		for name := range strings.SplitSeq(list, "; ") {
			c.byHand(vendor, sandbox.Add, name+"@example.org")
		}
	}
}

// letters compares the users and classes of the dead letters.
func (c *caseWorld) letters(want map[string]string) {
	c.t.Helper()
	for vendor, rows := range want {
		var list []string
		for _, l := range c.world.letters("--vendor", vendor) {
			list = append(list, c.users[l.EventID]+": "+l.Class)
		}
		slices.Sort(list)
		if got := strings.Join(slices.Compact(list), "; "); got != rows {
			c.t.Errorf("dead letters at %s: got %s, want %s", vendor, got, rows)
		}
	}
}

// configure writes the file, and sets the credentials of its vendors only.
func (c *caseWorld) configure(file string) {
	c.t.Helper()
	if err := os.WriteFile(c.file, []byte(file), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.vendors, c.environ = nil, nil
	for name := range sections(c.t.(*testing.T), file) { //nolint:forcetypeassert // a test, not a benchmark
		c.vendors = append(c.vendors, name)
		c.environ = append(c.environ, "USHER_"+strings.ToUpper(name)+"_TIMEOUT=5s")
	}
	for _, variable := range c.all {
		name, _, _ := strings.Cut(strings.TrimPrefix(variable, "USHER_"), "_")
		if slices.Contains([]string{"NATS", "HTTP", "WORKER"}, name) || slices.Contains(c.vendors, strings.ToLower(name)) {
			c.environ = append(c.environ, variable)
		}
	}
}

// publish sends an event of a case, and waits until every vendor has finished the event.
func (c *caseWorld) publish(line string) {
	c.t.Helper()
	var e struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		c.t.Fatalf("%v: %s", err, line)
	}
	c.sent++
	id := fmt.Sprint("case-", c.sent)
	var user events.UserDeletedData
	if err := json.Unmarshal(e.Data, &user); err != nil {
		c.t.Fatalf("%v: %s", err, line)
	}
	c.users[id] = user.UserID
	c.feedAll(cloudEvent(e.Type, id, string(e.Data)))
	c.until("the event is finished: "+line, func() bool {
		ended := c.outcomes(id)
		return c.every(func(v ops.VendorStatus) bool {
			waits := v.Waiting > 0 && ended[v.Vendor] == "" // a disabled account waits for its deletion
			return v.Pending+uint64(v.Unfinished) == 0 && !waits
		})
	})
}

// every reports whether all vendors of the file are in a state.
func (c *caseWorld) every(is func(ops.VendorStatus) bool) bool {
	s, _ := c.standing()
	return !slices.ContainsFunc(c.vendors, func(name string) bool { return !is(at(s, name)) })
}

// holds waits until the stand-ins have the accounts.
func (c *caseWorld) holds(want map[string]string) {
	c.t.Helper()
	for vendor, accounts := range want {
		var got string
		func() {
			defer func() {
				if got != accounts {
					c.t.Logf("%s: got %s, want %s", vendor, got, accounts)
				}
			}()
			c.until("the accounts at "+vendor, func() bool {
				got = c.accountsAt(vendor)
				return got == accounts
			})
		}()
	}
}

// accountsAt returns the accounts of users at a stand-in, with the name and the active enrolments.
func (c *caseWorld) accountsAt(vendor string) string {
	state := c.stands.State().Vendors[vendor]
	var list []string
	for _, u := range state.Live() {
		name, ours := strings.CutSuffix(u.Email, "@example.org")
		if !ours || u.Staff || u.Kind == "client" {
			continue
		}
		if u.Name != "" {
			name += ": " + u.Name
		}
		var in []string
		for _, e := range state.Enrollments {
			if e.UserID == u.ID && e.Active {
				in = append(in, ", in "+e.CourseID)
			}
		}
		slices.Sort(in)
		list = append(list, name+strings.Join(in, ""))
	}
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(list, "; ")
}
