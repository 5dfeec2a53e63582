package httpapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
)

// parsed returns a file.
func parsed(t *testing.T, text string) *httpapi.File {
	t.Helper()
	f, err := httpapi.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStandIn(t *testing.T) {
	for name, text := range map[string]string{"skeleton": httpapi.Skeleton("acme"), "page": example(t)} {
		t.Run(name, func(t *testing.T) { filetest.Run(t, parsed(t, text)) })
	}
}

// TestOnceWithAllFiles runs the trial of "once" with every file of the tree.
func TestOnceWithAllFiles(t *testing.T) {
	paths := []string{}
	for _, pattern := range []string{"testdata/*.yaml", "../twins/*.yaml", "../../examples/vendors/*.yaml"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, more...)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := parsed(t, string(text))
			synctest.Test(t, func(t *testing.T) {
				for _, fault := range filetest.Once(f) {
					t.Error(fault)
				}
				for op, err := range filetest.Able(f) {
					if err != nil && (f.Name != "meiro" || op != "enable") { // Meiro disables by the call that deletes
						t.Errorf("the stand-in has no answer for %s: %v", op, err)
					}
				}
			})
		})
	}
}

// TestStandInOfForms fails if the stand-in cannot answer an operation of a form that files have.
func TestStandInOfForms(t *testing.T) {
	const begin = `
kind: http
name: lantern
settings: {token: {secret: true}}
auth: {headers: {X-Token: set.token}}
find: [{GET: /users, query: {email: user.email}, items: answer.body.users}]
create: {POST: /users, json: {email: user.email}, item: answer.body}
update: {PUT: "/users/{account.id}", json: {name: "user.?full_name"}, repeat: safe}
delete: {DELETE: "/users/{account.id}", repeat: safe}
show: {GET: "/users/{account.id}"}
check: {GET: /me}
enroll: {POST: "/rooms/{course.id}/seats", json: {user: account.id}}
`
	const plain = "account: {id: item.id, email: item.email}\n"
	for name, rest := range map[string]string{
		"staff by a list":            `account: {id: item.id, email: item.email, staff: '"staff" in item.tags'}`,
		"staff by another list":      `account: {id: item.id, email: item.email, staff: 'list(item.tags).exists(x, x == "staff")'}`,
		"enrolled by a status":       plain + `enrolled: {GET: "/rooms/{course.id}/seats/{account.id}", is: answer.status == 200}`,
		"enrolled by a body":         plain + `enrolled: {GET: "/rooms/{course.id}/seats/{account.id}", is: answer.body.seated}`,
		"enrolled by the account":    plain + `enrolled: {GET: "/users/{account.id}/rooms", is: course.id in answer.body.rooms}`,
		"an enrolment with an id":    plain + `unenroll: {read: {GET: /seats, query: {user: account.id, room: course.id}}, skip: size(read.seats) == 0, DELETE: "/seats/{list(read.seats)[0].id}", repeat: safe}` + "\n" + `enrolled: {GET: "/rooms/{course.id}/seats", items: answer.body.seats, is: item.user == account.id}`,
		"a look-up with a like path": plain + `list: {GET: /users, query: {email: '"%"'}, items: answer.body.users}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := parsed(t, begin+rest)
			synctest.Test(t, func(t *testing.T) {
				able := filetest.Able(f)
				for _, op := range []string{"create", "update", "delete", "enroll"} {
					if _, tried := able[op]; !tried {
						t.Errorf("%s was not tried", op)
					}
				}
				for op, err := range able {
					if err != nil {
						t.Errorf("%s: %v", op, err)
					}
				}
			})
		})
	}
}
