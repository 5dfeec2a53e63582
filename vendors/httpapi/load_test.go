package httpapi_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors/httpapi"
)

// schoolWith returns the text of testdata/school.yaml with a replacement.
func schoolWith(t testing.TB, old, replacement string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/school.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("testdata/school.yaml has no %q", old)
	}
	return strings.Replace(string(text), old, replacement, 1)
}

// lineOf returns the number of the first line with a text.
func lineOf(text, part string) int {
	before, _, _ := strings.Cut(text, part)
	return strings.Count(before, "\n") + 1
}

func TestFaults(t *testing.T) {
	const create = "json: {email: user.email, name: user.name"
	for name, test := range map[string]struct {
		old, replacement string
		want             string // of the fault
	}{
		"unknown key":               {"course_id: number", "course_di: number", "course_di: unknown key; did you mean course_id?"},
		"repeated key":              {"course_id: number", "name: other", "name: is repeated"},
		"anchor":                    {"course_id: number", "course_id: &x number", "course_id: uses an anchor of YAML"},
		"no YAML":                   {"course_id: number", "course_id: {", "not YAML"},
		"expression":                {create, "json: {email: user..email, name: user.name", "create.json.email: column"},
		"member":                    {create, "json: {email: user.mail, name: user.name", "create.json.email: has the unknown member user.mail; did you mean email?"},
		"variable":                  {create, "json: {email: account.email, name: user.name", "create.json.email: has the variable account, which is not known here"},
		"setting":                   {create, "json: {email: user.email, name: set.rolle", "create.json.name: has the unknown member set.rolle; did you mean role?"},
		"all settings":              {create, "json: {email: user.email, name: 'string(size(set))'", "create.json.name: uses all settings at once"},
		"unbounded":                 {create, "json: {email: user.email, name: '[user.name].join()'", "join may make a text of any length"},
		"method":                    {"delete: {DELETE", "delete: {REMOVE", "delete.REMOVE: unknown key"},
		"no method":                 {"delete: {DELETE: \"/users/{account.id}\", repeat: safe}", "delete: {repeat: safe}", "delete: has 0 methods"},
		"query in a path":           {"courses: {GET: /courses", "courses: {GET: \"/courses?x=1\"", "courses.GET: has a query or a fragment"},
		"dots in a path":            {"courses: {GET: /courses", "courses: {GET: /../courses", "or the segment . or .."},
		"secret in a path":          {"courses: {GET: /courses", "courses: {GET: \"/{set.token}/courses\"", "courses.GET: has the secret set.token"},
		"secret in a query":         {"query: {size: 1}", "query: {size: 1, key: set.token}", "check.query.key: has the secret set.token"},
		"secret by index":           {"query: {size: 1}", "query: {size: 1, key: 'set[\"token\"]'}", "check.query.key: has the secret set.token"},
		"secret by a macro":         {"query: {size: 1}", "query: {size: 1, key: '[set].map(x, x.token)[0]'}", "check.query.key: uses all settings at once"},
		"secret in the each query":  {"course_id: number", "each: {query: {key: set.token}}", "each.query.key: has the secret set.token"},
		"create without find":       {"find:\n", "find: []\nx:\n", "create: has no find"},
		"optional look-ups only":    {"items: answer.body.users, total: answer.body.total, pages: {by: page, size: 50, size_param: size, last: answer.body.pages}}\ncreate", "items: answer.body.users, optional: true}\ncreate", "find: never proves that an account is missing"},
		"reading by DELETE":         {"show: {GET:", "show: {DELETE:", "show: reads by DELETE"},
		"body of a GET":             {"check: {GET: /users, query: {size: 1}}", "check: {GET: /users, json: {size: 1}}", "check: has a body that cannot be sent"},
		"update without repeat":     {"phone: \"user.?phone\"}, repeat: safe}", "phone: \"user.?phone\"}}", "update.repeat: is missing"},
		"disable without enable":    {"enable: {PATCH", "restore: {PATCH", "disable: needs the other one of disable and enable"},
		"staff without show":        {"show: {GET: \"/users/{account.id}\", item: answer.body.user}\n", "", "account.staff: protects nobody without show"},
		"word":                      {"is: taken", "is: there", "create.answers[0].is: cannot be \"there\""},
		"word of another operation": {"is: taken", "is: already", "create.answers[0].is: cannot be \"already\""},
		"setting of every vendor":   {"role: {default", "rate: {default", "settings.rate: is a setting of every vendor"},
		"two credentials":           {"auth: {headers", "auth: {basic: {user: set.role, password: set.token}, headers", "auth: has 2 kinds of credentials"},
		"no check":                  {"check: {GET: /users, query: {size: 1}}", "", "check: is missing"},
		"cursor without next":       {"pages: {by: page, size: 50, size_param: size, last: answer.body.pages}}\ncreate", "pages: {by: cursor}}\ncreate", "find[1].pages.next: is missing"},
		"skip without read":         {"enable: {PATCH", "enable: {skip: 'true', PATCH", "enable.skip: has no read"},
		"kind":                      {"kind: http", "kind: scim", "kind: cannot be \"scim\"; want one of: http"},
	} {
		t.Run(name, func(t *testing.T) {
			text := schoolWith(t, test.old, test.replacement)
			_, err := httpapi.Parse("school.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want a fault with %q", err, test.want)
			}
			for _, f := range httpapi.Faults(err) {
				if f.Fix == "" || f.Line < 1 || f.Line > strings.Count(text, "\n")+1 {
					t.Errorf("got %+v, want a line of the file and a correction", f)
				}
			}
		})
	}
}

func TestFaultHasTheLine(t *testing.T) {
	text := schoolWith(t, "is: taken", "is: there")
	_, err := httpapi.Parse("school.yaml", []byte(text))
	want := fmt.Sprintf("school.yaml:%d: create.answers[0].is: ", lineOf(text, "is: there"))
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLinesOfFaults(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		line int
		want string
	}{
		"a brace that stays open":      {"kind: http\nname: a\nfind: {GET: /x\nx: 1\n", 3, "not YAML"},
		"a question in braces":         {"kind: http\nname: a\nfind:\n- {GET: /x, items: a ? b : c}\nx: 1\n", 4, "not YAML"},
		"a bracket of the first line":  {"kind: [http\nname: a\n", 2, "not YAML"},
		"a list that goes on as keys":  {"kind: http\nfind:\n  - GET: /x\n  b: 1\n", 3, "not YAML"},
		"a colon in a text":            {"kind: http\nname: a\nx: b: c\n", 3, "not YAML"},
		"a text that stays open":       {"kind: http\nname: \"a\n", 2, "not YAML"},
		"an unknown escape":            {"kind: http\nname: \"a\\qb\"\nx: 1\n", 2, "not YAML"},
		"a star":                       {"kind: http\nname: a\nmedia: *json\n", 3, "begins with *"},
		"a second document":            {"kind: http\nname: a\n---\nkind: http\n", 3, "more than one document"},
		"a header":                     {"kind: http\nauth:\n  headers:\n    X A: set.x\n", 4, "auth.headers.X A: is no name of a header"},
		"a header without a value":     {"kind: http\nauth:\n  headers:\n    X A:\n", 4, "auth.headers.X A: is no name of a header"},
		"a rule without a condition":   {"kind: http\nanswers:\n  - {if: 'true', is: again}\n  - is: again\n", 4, "answers[1].if: is missing"},
		"a word behind the path":       {"kind: http\ncreate:\n  POST: /x\n  item: answer.body\n  repeat: maybe\n", 5, "create.repeat: cannot be"},
		"pages behind the path":        {"kind: http\nlist:\n  GET: /x\n  items: answer.body\n  pages:\n    size: 5\n    by: pages\n", 7, "list.pages.by: cannot be"},
		"a missing key":                {"kind: http\nname: a\nenrolled:\n\n  GET: /x\n", 3, "enrolled.is: is missing"},
		"the second call":              {"kind: http\nupdate:\n  - {PUT: /x, repeat: safe}\n  - PUT: /y\n    json: {a: '1'}\n", 4, "update[1].repeat: is missing"},
		"a folded expression":          {"kind: http\naccount:\n  id: >\n    item..id\n", 4, "account.id: column 6: the name behind the dot is missing"},
		"the second line of a literal": {"kind: http\naccount:\n  id: |\n    item.id\n    ~ 3\n", 5, "account.id: column 1: ~ cannot be in an expression"},
		"a path below the key":         {"kind: http\nshow:\n  GET:\n    /users/{account.idd}\n", 4, "show.GET: has the unknown member account.idd"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := httpapi.Parse("a.yaml", []byte(test.text))
			for _, f := range httpapi.Faults(err) {
				if strings.Contains(f.Error(), test.want) {
					if f.Line != test.line || strings.Contains(f.Error(), "\n") {
						t.Errorf("got %v, want line %d", f, test.line)
					}
					return
				}
			}
			t.Errorf("got %v, want %q", err, test.want)
		})
	}
}

func TestLint(t *testing.T) {
	text, err := os.ReadFile("testdata/school.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := httpapi.Lint("school.yaml", text); err != nil {
		t.Errorf("got %v for a file without doubt", err)
	}
	for name, test := range map[string]struct{ old, replacement, want string }{
		"safe POST":            {"  item: answer.body.user\n", "  item: answer.body.user\n  repeat: safe\n", "create.repeat: says that a POST is safe"},
		"creation unproved":    {"  item: answer.body.user\n", "", "create: takes every answer of success"},
		"behind always":        {"answers: [{if: answer.status == 409, is: taken}]", "answers: [{if: 'true', is: again}, {if: answer.status == 409, is: taken}]", "create.answers[1]: is never reached: rule 0 always fits"},
		"the same condition":   {"answers: [{if: answer.status == 409, is: taken}]", "answers: [{if: answer.status == 409, is: again}, {if: answer.status ==  409, is: taken}]", "create.answers[1]: is never reached: rule 0 has the same condition"},
		"absence":              {"  - {GET: /users, query: {search: 'longest(user.email, \"+&=% \")'}, items: answer.body.users, total: answer.body.total, pages: {by: page, size: 50, size_param: size, last: answer.body.pages}}\n", "  - {GET: /users, item: answer.body}\n", "find[1]: never proves that an account is missing"},
		"staff unsaid":         {", staff: item.role == \"staff\"", "", "school.yaml:11: warning: account.staff: is missing"},
		"no staff":             {"staff: item.role == \"staff\"", "staff: \"false\"", ""},
		"taken unsaid":         {"is: taken", "is: again", "school.yaml:19: warning: create.answers: no answer says taken"},
		"no answer is taken":   {"{if: answer.status == 409, is: taken}", "{if: \"false\", is: taken}", ""},
		"never again":          {"{if: answer.status == 409, is: taken}", "{if: answer.status == 409, is: taken}, {if: \"false\", is: again}", "create.answers[1]: never fits"},
		"second enrolment":     {", answers: [{if: answer.status == 409, is: already}]}\nunenroll", "}\nunenroll", ""},
		"activity without key": {", repeat: keyed}", "}", "track.repeat: is never"},
	} {
		t.Run(name, func(t *testing.T) {
			err := httpapi.Lint("school.yaml", []byte(schoolWith(t, test.old, test.replacement)))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
