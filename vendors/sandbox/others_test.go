package sandbox_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors/sandbox"
)

// step is one call of a fake, and the answer.
type step struct {
	method, path, body string
	status             int
	want               string // a part of the body
}

// walk makes the calls in order at a fake of a kind, with a header, and returns the state.
func walk(t *testing.T, kind string, sw sandbox.Switches, header http.Header, steps []step) sandbox.VendorState {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Switches: sw}.With(kind))
	if err != nil {
		t.Fatal(err)
	}
	base := strings.TrimPrefix(box.BaseURLs("stand-in.test")[kind], "http://stand-in.test")
	for _, s := range steps {
		r := httptest.NewRequest(s.method, base+s.path, strings.NewReader(s.body))
		for name := range header {
			r.Header.Set(name, header.Get(name))
		}
		w := httptest.NewRecorder()
		box.Handler().ServeHTTP(w, r)
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != s.status || !strings.Contains(string(body), s.want) {
			t.Errorf("%s %s %s: got %d %s, want %d %s", s.method, s.path, s.body, w.Code, body, s.status, s.want)
		}
	}
	return box.State().Vendors[kind]
}

func TestMoodle(t *testing.T) {
	call := func(function, form, want string) step {
		return step{"POST", "/webservice/rest/server.php?moodlewsrestformat=json&wsfunction=" + function, "wstoken=" + sandbox.MoodleToken + "&" + form, 200, want}
	}
	ada := "users[0][username]=u-1&users[0][password]=Aa1-secret&users[0][firstname]=Ada&users[0][lastname]=King&users[0][email]=Ada@example.org&users[0][idnumber]=user-1"
	seat := "enrolments[0][userid]=3&enrolments[0][courseid]=7"
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	state := walk(t, "moodle", sandbox.Switches{RepeatUnenroll: "error"}, header, []step{
		{"POST", "/webservice/rest/server.php?moodlewsrestformat=json&wsfunction=core_user_create_users&wstoken=in-the-query", "", 200, "invalidtoken"},
		{"POST", "/webservice/rest/server.php?wsfunction=core_user_get_users", "wstoken=t", 200, "<RESPONSE>"},
		call("core_user_invent", "", "invalidrecord"),
		call("core_user_create_users", "users[0][email]=ada@example.org", "invalidparameter"),
		call("core_user_create_users", strings.Replace(ada, "u-1", "U 1", 1), "invalidparameter"),
		call("core_user_create_users", strings.Replace(ada, "Aa1-secret", "short", 1), "passwordpolicyerror"),
		call("core_user_create_users", ada, `[{"id":3,"username":"u-1"}]`),
		call("core_user_create_users", ada, "Username already exists"),
		call("core_user_create_users", strings.Replace(ada, "u-1", "u-2", 1), "Email address already exists"),
		call("core_user_get_users", "criteria[0][key]=email&criteria[0][value]=ada@example.org", `"id":3`),
		call("core_user_get_users", "criteria[0][key]=email&criteria[0][value]=%25", `"id":3`),
		call("core_user_get_users", "criteria[0][key]=email&criteria[0][value]=grace@example.org", `"users":[]`),
		call("core_user_get_users_by_field", "field=email&values[0]=ada@example.org", "[]"),
		call("core_user_get_users_by_field", "field=idnumber&values[0]=user-1", `"id":3`),
		call("core_user_update_users", "users[0][id]=9&users[0][lastname]=Byron", "invaliduserid"),
		call("core_user_update_users", "users[0][id]=3&users[0][lastname]=Byron", `"warnings":[]`),
		call("enrol_manual_enrol_users", seat, "invalidparameter"),
		call("enrol_manual_enrol_users", seat+"&enrolments[0][roleid]=5", "null"),
		call("enrol_manual_enrol_users", seat+"&enrolments[0][roleid]=5", "null"),
		call("core_enrol_get_users_courses", "userid=3", `"id":7`),
		call("enrol_manual_unenrol_users", seat, "null"),
		call("enrol_manual_unenrol_users", seat, "usernotenrolled"),
		call("core_user_update_users", "users[0][id]=3&users[0][suspended]=1", `"warnings":[]`),
		call("core_user_delete_users", "userids[0]=3", "null"),
		call("core_user_delete_users", "userids[0]=3", "invalidrecord"),
	})
	u := state.Users[0]
	if len(state.Users) != 1 || u.Name != "Ada Byron" || !u.Deleted || u.Updates != 2 || u.Deletes != 1 || len(state.Enrollments) != 1 || state.Enrollments[0].Applied != 2 {
		t.Errorf("got %+v", state)
	}
	if n := state.Calls["POST /webservice/rest/server.php core_user_create_users"]; n != 7 {
		t.Errorf("got %d creations counted by function, want 7", n)
	}
}

func TestCanvas(t *testing.T) {
	ada := `{"user":{"name":"Ada King"},"pseudonym":{"unique_id":"ada@example.org","sis_user_id":"user-1"},"communication_channel":{"type":"email","address":"ada@example.org"}}`
	again := strings.Replace(ada, `{"user"`, `{"enable_sis_reactivation":true,"user"`, 1)
	users, seats := "/api/v1/accounts/1/users", "/api/v1/courses/7/enrollments"
	header := http.Header{"Authorization": {"Bearer " + sandbox.CanvasToken}}
	state := walk(t, "canvas", sandbox.Switches{}, header, []step{
		{"POST", users, `{"user":{"name":"Ada"}}`, 400, "too_short"},
		{"POST", users, ada, 200, `"id":1`},
		{"POST", users, ada, 400, `"sis_user_id":[{`},
		{"POST", users, strings.Replace(ada, "user-1", "user-2", 1), 400, `"unique_id":[{`},
		{"GET", "/api/v1/users/sis_user_id:user-1", "", 200, `"id":1`},
		{"GET", "/api/v1/users/sis_user_id:user-9", "", 404, "does not exist"},
		{"GET", users + "?search_term=ada@example.org&include[]=email", "", 200, `"email":"ada@example.org"`},
		{"GET", users + "?search_term=a", "", 400, "2 or more"},
		{"POST", seats, `{"enrollment":{"user_id":1,"type":"StudentEnrollment"}}`, 200, `"id":5000`},
		{"POST", seats, `{"enrollment":{"user_id":"1","type":"StudentEnrollment"}}`, 200, `"id":5000`},
		{"GET", seats + "?user_id=1", "", 200, `"id":5000`},
		{"DELETE", seats + "/5000?task=conclude", "", 200, "completed"},
		{"GET", seats + "?user_id=1", "", 200, "[]"},
		{"DELETE", seats + "/5001?task=conclude", "", 404, ""},
		{"PUT", "/api/v1/users/1", `{"user":{"event":"suspend"}}`, 200, `"id":1`},
		{"DELETE", users + "/1", "", 200, "deleted"},
		{"DELETE", users + "/1", "", 404, ""},
		{"POST", users, ada, 400, "already in use"},
		{"POST", users, again, 200, `"id":1`},
	})
	if len(state.Users) != 1 || state.Users[0].Deleted || state.Users[0].Creates != 2 || len(state.EnrolledTwice()) > 0 {
		t.Errorf("got %+v", state)
	}
}

func TestCanvasRefusesTooManyCallsAsForbidden(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{}.With("canvas"))
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Next("canvas", sandbox.Fault{Kind: sandbox.TooMany}); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	box.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/canvas/api/v1/users/1", nil))
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "Rate Limit Exceeded") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestXAPI(t *testing.T) {
	const id = "01234567-89ab-4def-8123-456789abcdef"
	said := `{"actor":{"account":{"homePage":"https://school.example","name":"user-1"}},"verb":{"id":"https://school.example/done"},"object":{"id":"https://school.example/lesson"},"timestamp":"2026-03-01T12:00:00Z"}`
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(sandbox.XAPIKey, sandbox.XAPISecret)
	r.Header.Set("X-Experience-API-Version", sandbox.XAPIVersion)
	state := walk(t, "xapi", sandbox.Switches{}, r.Header, []step{
		{"PUT", "/statements?statementId=" + id, said, 204, ""},
		{"PUT", "/statements?statementId=" + id, " " + said, 204, ""},
		{"PUT", "/statements?statementId=" + id, strings.Replace(said, "done", "begun", 1), 409, "another"},
		{"PUT", "/statements?statementId=7", said, 400, "UUID"},
		{"PUT", "/statements?statementId=" + id, `{}`, 400, "actor"},
		{"GET", "/statements?statementId=" + id, "", 200, "user-1"},
		{"GET", "/statements?statementId=" + strings.Replace(id, "0", "1", 1), "", 404, ""},
		{"GET", "/statements?limit=1", "", 200, "user-1"},
		{"GET", "/about", "", 200, sandbox.XAPIVersion},
	})
	if len(state.Events) != 1 || state.Events[0].Received != 3 || state.Events[0].Recorded != 1 || len(state.RecordedTwice()) > 0 {
		t.Errorf("got %+v", state.Events)
	}
	walk(t, "xapi", sandbox.Switches{}, http.Header{"Authorization": r.Header["Authorization"]}, []step{{"GET", "/statements", "", 400, "Version"}})
}

func TestAtelier(t *testing.T) {
	ada := `{"mail":"ada@example.org","given":"Ada","family":"King","ref":"user-1"}`
	state := walk(t, "atelier", sandbox.Switches{}, http.Header{"X-Atelier-Key": {sandbox.AtelierKey}}, []step{
		{"POST", "/people", `{}`, 200, "mail_missing"},
		{"POST", "/people", ada, 200, `"no":1`},
		{"POST", "/people", ada, 200, "mail_in_use"},
		{"POST", "/people", strings.Replace(ada, "example.org", "example.organic", 1), 200, `"no":2`},
		{"GET", "/people?mail=ada@example.org", "", 200, `"no":2`},
		{"GET", "/people?ref=user-9", "", 200, `"people":[]`},
		{"GET", "/people?ref=user-1", "", 200, `"no":1`},
		{"POST", "/people/1/change", `{"mail":"ADA@example.organic"}`, 200, "mail_in_use"},
		{"POST", "/people/1/change", `{"family":"Byron"}`, 200, `"ok":true`},
		{"PUT", "/courses/c7/seats/1", "", 200, `"ok":true`},
		{"PUT", "/courses/c7/seats/1", "", 200, `"why":"seated"`},
		{"PUT", "/courses/7/seats/1", "", 200, "unknown_course"},
		{"GET", "/people/1/seats", "", 200, `["c7"]`},
		{"DELETE", "/courses/c7/seats/1", "", 200, `"ok":true`},
		{"DELETE", "/courses/c7/seats/1", "", 200, "not_seated"},
		{"POST", "/people/1/close", "", 200, `"ok":true`},
		{"POST", "/people/1/close", "", 200, "already_closed"},
		{"POST", "/people/1/reopen", "", 200, `"ok":true`},
		{"DELETE", "/people/1", "", 200, `"ok":true`},
		{"DELETE", "/people/1", "", 200, "unknown_person"},
	})
	if len(state.Users) != 2 || !state.Users[0].Deleted || state.Users[1].Deleted || state.Enrollments[0].Ended != 1 {
		t.Errorf("got %+v", state)
	}
}

// A kind that stands only as an instance takes manual actions of people too.
func TestManualActionsOfOthers(t *testing.T) {
	for _, kind := range []string{"moodle", "canvas", "atelier"} {
		t.Run(kind, func(t *testing.T) {
			box, err := sandbox.New(sandbox.Config{}.With(kind))
			if err != nil {
				t.Fatal(err)
			}
			for _, action := range []sandbox.ManualAction{sandbox.AddStaff, sandbox.Remove, sandbox.Restore, sandbox.Purge} {
				if err := box.ChangeManually(kind, action, "teacher@example.org"); err != nil {
					t.Fatal(err)
				}
				deleted := action == sandbox.Remove || action == sandbox.Purge
				if u := box.State().Vendors[kind].Users[0]; !u.Staff || u.Deleted != deleted {
					t.Errorf("after %s: got %+v", action, u)
				}
			}
			if err := box.ChangeManually(kind, sandbox.Restore, "teacher@example.org"); err == nil {
				t.Error("an account that is gone for good was restored")
			}
		})
	}
}
