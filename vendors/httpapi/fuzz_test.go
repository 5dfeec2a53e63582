package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
)

// whole returns a file with every section of the form, for the kind of credentials and of pages.
func whole(auth, pages string) string {
	path := "/users"
	if strings.Contains(pages, "by: path") {
		path = "/users/{page}"
	}
	return `{kind: http, name: whole, docs: "https://docs.example", base_url: "https://api.example/v1", rate: 2.5, course_id: number, media: application/vnd.api+json,
settings: {token: {secret: true, about: "a key"}, role: {default: learner, oneof: [learner, guest]}, mails: {default: false}, size: {default: 5}, pass: {secret: true, in_path: true, optional: true}},
auth: ` + auth + `,
each: {header: {X-Team: set.role}, query: {key: set.pass}, form: {token: set.token}},
answers: [{if: 'answer.text.contains("no key") || answer.header[?"x-error"].orValue("") != ""', is: unusable}, {if: answer.status < 300 && has(answer.body.error), is: permanent}],
account: {id: item.id, email: item.email, user_id: "item.?external", staff: number(item.role) != 0, off: "!item.active", deleted: "has(item.deleted_at) && item.deleted_at != null"},
find: [{GET: "` + path + `", query: {external: user.id, "ids[]": [user.id, "'x'"]}, items: answer.body.users, match: user_id, optional: true, pages: ` + pages + `},
 {POST: /search, json: {q: {mail: user.email, deep: [[1, 2.5, true]]}}, item: "answer.body.users[0]", answers: [{if: answer.status == 404, is: nobody}], control: set.role},
 {in_list: true}],
create: {POST: /users, form: {users: [{email: user.email, name: "cut(user.name, 20)", password: password(), phone: "user.?phone"}]}, header: {Idempotency-Key: uuid(origin.key)}, item: answer.body.user, done: has(answer.body.user), answers: [{if: answer.status == 409, is: taken}]},
update: [{if: has(user.email), PATCH: "/users/{account.id}", json: {email: user.email, at: string(origin.at), since: int(origin.at)}, repeat: safe}, {if: has(user.full_name), PUT: "/users/{account.id}/name", json: {name: user.full_name, more: "user.?attributes.note"}, repeat: harmless}],
delete: {DELETE: "/users/{account.id}", repeat: safe, proof: {GET: "/users/{account.id}", is: answer.status == 404}},
disable: {read: {in_list: true}, skip: "read == null || !read.active", PATCH: "/users/{account.id}", json: {active: false}, repeat: safe},
enable: {PATCH: "/users/{account.id}", json: {active: true}, repeat: safe},
restore: {POST: "/users/{account.id}/restore", repeat: keyed, because: "documented"},
enroll: {read: {GET: "/courses/{course.id}/members", query: {user: account.id}}, skip: size(list(read.members)) > 0, POST: "/courses/{course.id}/members", json: {user: number(account.id), from: "enrollment.?starts_on"}, answers: [{if: answer.status == 409, is: already}]},
unenroll: {DELETE: "/courses/{course.id}/members/{account.id}", repeat: safe, answers: [{if: answer.status == 404, is: gone}]},
enrolled: {GET: "/courses/{course.id}/members", items: answer.body.users, total: "answer.body.?total", is: "sameEmail(item.email, account.email)"},
track: {POST: /events, json: {id: sha256(origin.key), user: user.id, name: 'longest(activity.name, "_")', at: string(activity.at), data: "activity.?properties"}, repeat: keyed},
list: {GET: "` + path + `", items: answer.body.users, total: "answer.body.?total", pages: ` + pages + `}, show: {GET: "/users/{account.id}", item: answer.body.user},
courses: {GET: "` + path + `", items: answer.body.courses, id: item.id, name: item.name, pages: ` + pages + `}, check: {GET: /me, answers: [{if: answer.status == 204, is: done}]}}`
}

// wholes returns a file for each kind of credentials and of pages.
func wholes() (all []string) {
	const headers = "{headers: {Authorization: '\"Bearer \" + set.token'}}"
	for _, auth := range []string{
		headers, "{basic: {user: set.role, password: set.token}}",
		"{login: {POST: /login, json: {key: set.token}, token: answer.body.token, for: 7h, header: X-Token, prefix: 'T ', renew: {PATCH: /login, json: {token: token}}}}",
		"{login: {POST: /login, form: {key: set.token}, token: answer.body.token, expires_in: answer.body.expires_in}}",
		"{oauth2: {token_url: '\"https://login.example/token\"', client_id: set.role, client_secret: set.token, scopes: '\"a b\"', client_auth: body}}",
	} {
		all = append(all, whole(auth, "{by: page, size: 50, size_param: size, last: answer.body.pages}"))
	}
	for _, pages := range []string{
		"{by: page, first: 0, until: empty}", "{by: offset, size: 2, size_param: limit, until: short}", "{by: index, size: 2, param: from}",
		"{by: cursor, next: 'answer.body.?next'}", "{by: link}", "{by: path, first: 0}",
	} {
		all = append(all, whole(headers, pages))
	}
	return all
}

func TestWholes(t *testing.T) {
	for _, text := range wholes() {
		if err := httpapi.Lint("whole.yaml", []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}

// yamlBreaks makes all breaks of lines in YAML alike.
var yamlBreaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// FuzzParse checks that no file makes the loader panic, and that each fault has a line and a
// correction.
func FuzzParse(f *testing.F) {
	for _, text := range slices.Concat(wholes(), []string{
		httpapi.Skeleton("acme"), "kind: http\nname: a\ncheck: {GET: \"/{\"}", "- [", "a: &a [*a]", "settings: {x: {default: 1}}", "", "\t", "\ufeffkind: http",
		"auth: {headers: {X Y: }}", "answers: [{is: again}]", "auth: {login: {}}", "account: {addressed: true}\nfind: [{}]\ncreate: {}", "kind: http\n---\na", "a: *b", "media: !!binary aGk=", "<<: {a: b}",
		"each: {query: {a: " + strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40) + "}}", "create: {json: " + strings.Repeat("{a: ", 40) + "1" + strings.Repeat("}", 40) + "}",
		"check: {query: {a: " + strings.Repeat("9", 400) + ", b: 1e400, c: -.inf, d: .nan, e: 0x7fffffffffffffffffff, f: 1e308}}", "rate: 1e400", "rate: .nan", "list: {pages: {size: 99999999999999999999, first: -9}}",
		"account: {id: \"" + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300) + "\"}", "account: {id: '" + strings.Repeat("a", 2500) + "'}", "account: {id: \"item.id.matches('(')\"}", "account:\n  id: |\n    item.id\n    ~", "kind: http\nx: {a: b\ny: 1\n", "\r\r0",
	}) {
		f.Add([]byte(text))
	}
	for _, pattern := range []string{"testdata/*.yaml", "../twins/*.yaml", "../../examples/vendors/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := httpapi.Lint("fuzz.yaml", text)
		for _, fault := range httpapi.Faults(err) {
			breaks := strings.Count(yamlBreaks.Replace(string(text)), "\n")
			if fault.Line < 1 || fault.Fix == "" || fault.Line > breaks+2 {
				t.Errorf("got %+v, want a line of the file and a correction", fault)
			}
		}
	})
}

// oneAnswer answers every call with the same body.
type oneAnswer struct {
	status int
	body   []byte
}

func (o oneAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: o.status, Request: r, Header: http.Header{"Content-Type": {"application/json"}, "Link": {`<https://other.example/users?page=2>; rel="next"`}},
		Body: readCloser{bytes.NewReader(o.body)},
	}, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// FuzzAnswers checks that no answer makes a port panic, and that none counts as the account of the
// user unless it has the e-mail of the user. The file is one of wholes, or that of the school.
func FuzzAnswers(f *testing.F) {
	school, err := os.ReadFile("testdata/school.yaml")
	if err != nil {
		f.Fatal(err)
	}
	var files []*httpapi.File
	for _, text := range append(wholes(), string(school)) {
		file, err := httpapi.Parse("whole.yaml", []byte(text))
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, file)
	}
	for _, body := range []string{
		`{"users":[{"id":7,"email":"augusta@example.org"}],"total":1,"pages":1}`, `{"users":{"0":{}},"total":"2"}`, `[]`, `{"user":{"id":"7.0"}}`, "<html>", `{"total":1e99}`, `{"error":1}`, "", "null",
		`{"token":"t","expires_in":3600,"access_token":"t","users":[{"id":7,"email":"augusta@example.org","external":"user-1","role":0,"active":true}],"user":{"id":7,"email":"augusta@example.org","external":"user-1","role":0,"active":true},"courses":[{"id":1,"name":"a"}],"members":[],"next":"n","pages":1,"total":1}`,
		`{"token":"t","access_token":"t","expires_in":1e308,"users":[{"id":1e308,"email":"augusta@example.org","role":"0","active":true}],"next":9007199254740993,"pages":1e400,"total":-1}`,
		`{"users":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, `{"users":[` + strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60) + `]}`,
		`{"users":[{"id":` + strings.Repeat("9", 400) + `,"email":"augusta@example.org"}],"total":` + strings.Repeat("9", 30) + `}`, `{"users":[` + strings.Repeat(`{"id":1},`, 500) + `{"id":2}]}`,
	} {
		for which := range files {
			f.Add(byte(which), 200, []byte(body))
		}
		for _, status := range []int{204, 404, 409} {
			f.Add(byte(0), status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		file := files[int(which)%len(files)]
		c, err := httpapi.TestConfig(file, vendors.Settings{BaseURL: "https://school.example", Timeout: time.Second, HTTP: oneAnswer{status, body}, SingleAttempt: true})
		if err != nil {
			t.Fatal(err)
		}
		c.Rate = 0
		a, err := httpapi.New(c)
		if err != nil {
			t.Fatal(err)
		}
		user := vendors.User{ID: "user-1", Email: "augusta@example.org", FirstName: "Augusta", LastName: "King"}
		finder, _ := vendors.Port[vendors.Provisioner](a)
		found, err := finder.Find(t.Context(), user)
		if err == nil && (found.ID == "" || !bytes.Contains(bytes.ToLower(body), []byte("example")) && !bytes.Contains(body, []byte(`\u`)) && !bytes.Contains(body, []byte("user-1"))) {
			t.Errorf("got account %q from an answer without the user", found.ID)
		}
		if status > 299 && errors.Is(err, vendors.ErrNotFound) {
			t.Errorf("got no such account from status %d at every call", status)
		}
		everyPort(t.Context(), a, user)
	})
}

// everyPort makes each call of an adapter.
func everyPort(ctx context.Context, a *httpapi.Adapter, user vendors.User) {
	from, account := vendors.Origin{Key: "k", At: time.Unix(1_800_000_000, 0)}, vendors.Account{ID: "7", Email: user.Email}
	x := vendors.Enrollment{Origin: from, UserID: user.ID, Account: account, Email: user.Email, Course: vendors.Course{ID: "1", Ours: "a"}}
	if p, ok := vendors.Port[vendors.Provisioner](a); ok {
		_, _ = p.Create(ctx, from, user)
	}
	if p, ok := vendors.Port[vendors.Updater](a); ok {
		_ = p.Update(ctx, from, account, user)
	}
	if p, ok := vendors.Port[vendors.Deprovisioner](a); ok {
		_ = p.Delete(ctx, from, account)
	}
	if p, ok := vendors.Port[vendors.Disabler](a); ok {
		_, _ = p.Disable(ctx, from, account), p.Enable(ctx, from, account)
	}
	if p, ok := vendors.Port[vendors.Restorer](a); ok {
		_, _ = p.Restore(ctx, from, vendors.Account{}, user)
	}
	if p, ok := vendors.Port[vendors.Enroller](a); ok {
		_ = p.Enroll(ctx, x)
	}
	if p, ok := vendors.Port[vendors.Unenroller](a); ok {
		_ = p.Unenroll(ctx, x)
	}
	if p, ok := vendors.Port[vendors.EnrollmentReader](a); ok {
		_, _ = p.Enrolled(ctx, account, x.Course)
	}
	if p, ok := vendors.Port[vendors.Tracker](a); ok {
		_ = p.Track(ctx, vendors.Activity{Origin: from, UserID: user.ID, Name: "lesson_done", At: from.At})
	}
	if p, ok := vendors.Port[vendors.Lister](a); ok {
		_ = p.List(ctx, func(vendors.Listed) error { return nil })
		_, _ = p.Show(ctx, account)
	}
	if p, ok := vendors.Port[vendors.CourseLister](a); ok {
		_ = p.ListCourses(ctx, func(vendors.ListedCourse) error { return nil })
	}
	_ = a.Check(ctx)
}
