package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/vendors/sandbox"
)

// describedWorld is a usher serve with the settings that a sandbox prints for a description.
type describedWorld struct {
	*world
	root string // of the sandbox
}

// newDescribed starts a sandbox in a process of its own, and a usher serve by the printed lines.
func newDescribed(t *testing.T, file string, args ...string) describedWorld {
	t.Helper()
	said := startSandbox(t, append([]string{"--file", "acme=" + file}, args...)...)
	w := newWorld(t)
	d := describedWorld{world: w}
	var settings []string
	text, yaml := "", false
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "# For "):
			yaml = line == "# For usher.yaml:"
		case yaml:
			text += strings.TrimPrefix(line, "# ") + "\n"
		case strings.HasPrefix(line, "export USHER_ACME_"):
			settings = append(settings, strings.ReplaceAll(strings.TrimPrefix(line, "export "), "'", ""))
		}
		if _, after, ok := strings.Cut(line, "their data: "); ok {
			d.root = strings.TrimSuffix(after, "/state")
		}
	}
	for _, variable := range w.environ {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "USHER_NATS") || strings.HasPrefix(name, "USHER_HTTP") || strings.HasPrefix(name, "USHER_WORKER") {
			settings = append(settings, variable)
		}
	}
	settings = append(settings, "USHER_ACME_TIMEOUT=5s")
	w.environ = settings
	if err := os.WriteFile(w.file, []byte(text+"courses: {algebra: {acme: 7}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// acme returns the data of the stand-in.
func (d describedWorld) acme() sandbox.VendorState {
	d.t.Helper()
	return stateAt(d.t, d.root).Vendors["acme"]
}

// A user is created, enrolled, active, changed and deleted at a stand-in made from a description,
// with the lines that the sandbox prints, and while answers are lost.
func TestSandboxOfADescription(t *testing.T) {
	d := newDescribed(t, school, "--faults", "0.2")
	d.serve()
	if out := d.must("vendors", "check", "acme", "--json"); !strings.Contains(out, `"vendor": "acme"`) {
		t.Errorf("got %s", out)
	}
	for _, e := range []struct{ id, kind, data string }{
		{"c", events.UserCreated, `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`},
		{"e", events.EnrollmentRequested, `{"user_id":"ada","course_id":"algebra"}`},
		{"a", events.ActivityTracked, `{"user_id":"ada","name":"lesson_completed"}`},
		{"u", events.UserUpdated, `{"user_id":"ada","email":"ada@example.org","first_name":"Augusta"}`},
	} {
		d.feedAll(cloudEvent(e.kind, e.id, e.data))
		d.expect(e.id, map[string]string{"acme": events.Done})
	}
	got := d.acme()
	if len(got.Users) != 1 || got.Users[0].Email != "ada@example.org" || got.Users[0].External != "ada" || got.Users[0].Creates != 1 || got.Users[0].Updates == 0 {
		t.Errorf("got the accounts %+v, want one, made once and changed", got.Users)
	}
	if len(got.Enrollments) != 1 || got.Enrollments[0].CourseID != "7" || !got.Enrollments[0].Active || got.Enrollments[0].UserID != got.Users[0].ID {
		t.Errorf("got the enrolments %+v, want one", got.Enrollments)
	}
	if len(got.Events) != 1 || got.Events[0].Name != "lesson_completed" || got.Events[0].UserID != "ada" || got.Events[0].RequestID == "" {
		t.Errorf("got the activities %+v, want one with a key", got.Events)
	}
	d.feedAll(cloudEvent(events.UserDeleted, "d", `{"user_id":"ada"}`))
	d.expect("d", map[string]string{"acme": events.Done})
	got = d.acme()
	if len(got.Users) != 1 || !got.Users[0].Deleted || got.Users[0].Deletes != 1 {
		t.Errorf("got the accounts %+v, want one that is deleted", got.Users)
	}
	if got.Calls["create: POST /users"] == 0 || got.Calls["delete: DELETE /users/{account.id}"] == 0 {
		t.Errorf("got the calls %v", got.Calls)
	}
	d.end()
}

// The controls of the sandbox work for a description, too.
func TestControlOfADescription(t *testing.T) {
	d := newDescribed(t, school)
	for _, test := range []struct{ mode, state, detail string }{
		{"refuse&for=1h", "refused", "401"},
		{"ok", "ok", ""},
		{"trouble&user=/users&status=503&for=1h", "unreachable", "503"},
		{"ok", "ok", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.root+"/control/acme?mode="+test.mode, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("got %v and %v", res, err)
		}
		_ = res.Body.Close()
		out, _ := d.try("vendors", "check", "acme", "--json")
		if !strings.Contains(out, `"state": "`+test.state+`"`) || !strings.Contains(out, test.detail) {
			t.Errorf("%s: got %s", test.mode, out)
		}
	}
	if f := d.acme().Faults; f[sandbox.Refused] == 0 || f[sandbox.Troubled] == 0 {
		t.Errorf("got the faults %v", f)
	}
}

func TestSandboxRefusesADescription(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"acme=missing.yaml":         "the description of the API cannot be read",
		"acme=sandbox_file_test.go": "not YAML",
		"lead=" + school:            `file: "lead" is no name`,
		"Acme=" + school:            `file: "Acme" is no name`,
	} {
		_, err := usher(t.Context(), nil, "", "sandbox", "--addr", "127.0.0.1:0", "--file", arg)
		if err == nil || cli.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", arg, err, want)
		}
	}
}
