package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// TestReloadMendsCourse maps a course at Miestro wrongly, mends the file while usher serve runs, and
// replays the dead letter.
func TestReloadMendsCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	only := "vendors:\n  meiro: {mode: off}\n  lead: {mode: off}\n  magloft: {mode: off}\n  usermost: {mode: off}\n"
	put(t, w.file, "courses: {go-basics: {miestro: 999}}\n"+only)
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "c1", oneUser))
	w.expect("c1", map[string]string{"miestro": "done"})
	enroll := func(id string) {
		w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.EnrollmentRequested, id, `{"user_id":"u1","course_id":"go-basics"}`))
	}
	enroll("e1")
	w.expect("e1", map[string]string{"miestro": "failed"})

	put(t, w.file, "courses: {go-basics: {miestro: 1}\n"+only) // not YAML
	w.waitLog(`"the new configuration has faults`, 1)
	w.until("usher status says so", func() bool {
		out, err := usher(t.Context(), w.environ, "", "status")
		return cli.ExitCode(err) == cli.ExitFailed && strings.Contains(out, "configuration: that of") && strings.Contains(out, "waits: ")
	})

	put(t, w.file, "courses: {go-basics: {miestro: 1}}\n"+only)
	w.waitLog(`"serving"`, 2)
	w.must("dead", "replay", "--all", "--max", "5", "--reason", "the course was mapped wrongly")
	w.until("no dead letter is left", func() bool { return len(w.states()) == 0 })
	if got := w.stands.State().Vendors["miestro"].Enrollments; len(got) != 1 {
		t.Errorf("Miestro has %v, want one enrolment", got)
	}
	var now struct{ Processes []streams.Configuration }
	if err := json.Unmarshal([]byte(w.must("status", "--json")), &now); err != nil || len(now.Processes) != 1 || len(now.Processes[0].Faults) > 0 || now.Processes[0].Read.IsZero() {
		t.Errorf("got %+v, %v", now.Processes, err)
	}
	w.end()
}

// TestReloadOfProcess reloads by SIGHUP and by usher config reload: a new token is accepted, a
// faulty configuration changes nothing, and settings that need a restart are named.
func TestReloadOfProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_HTTP_TOKENS=") })
	const first, second = "0123456789abcdef", "fedcba9876543210"
	settings := courses + "log: {level: info}\nhttp:\n  tokens: [\"" + first + "\"]\n"
	put(t, w.file, settings)
	serve, ended := w.process()
	signal := func(s os.Signal) {
		if err := serve.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	w.waitLog(`"serving"`, 1)
	if !accepts(t, url, first) || accepts(t, url, second) {
		t.Error("the first token is not accepted, or another one is")
	}

	put(t, w.file, strings.Replace(settings, first, second, 1))
	signal(syscall.SIGHUP)
	w.until("the new token is accepted", func() bool { return accepts(t, url, second) && !accepts(t, url, first) })

	put(t, w.file, strings.Replace(settings, "tokens:", "toknes:", 1))
	signal(syscall.SIGHUP)
	w.waitLog("toknes: unknown key; did you mean tokens?", 1)
	if !accepts(t, url, second) {
		t.Error("a faulty configuration has changed the tokens")
	}

	put(t, w.file, strings.Replace(settings, "level: info", "level: debug", 1))
	out, err := w.try("config", "reload")
	if err != nil || !strings.Contains(out, "\treloaded\ta restart is needed for log.level") {
		t.Errorf("usher config reload: %v\n%s", err, out)
	}
	signal(syscall.SIGTERM)
	if err := natstest.Receive(t, "the end of serve", ended); err != nil {
		t.Error(err)
	}
}

// accepts reports whether the endpoint accepts a token.
func accepts(t *testing.T, url, token string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode != http.StatusUnauthorized // an event without a body is another fault
}

// TestReloadOfDescription changes only the file that describes a vendor: the change is seen, and with a
// fault in the file the former description stays in use.
func TestReloadOfDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := os.ReadFile(school)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "school.yaml")
	put(t, file, string(text))
	put(t, w.file, "vendors:\n  acme: {kind: http, file: "+file+", base_url: \"http://127.0.0.1:1\", timeout: 5s, token: a-made-up-token}\n")
	w.serve()

	put(t, file, string(text)+"# a remark\n")
	w.waitLog(`"changed":["vendors.acme.file"]`, 1)
	w.waitLog(`"serving"`, 2)
	put(t, file, string(text)+"unknown: key\n")
	w.waitLog(`"the new configuration has faults`, 1)
	put(t, file, string(text))
	w.waitLog(`"changed":["vendors.acme.file"]`, 2)
	w.waitLog(`"serving"`, 3)
	w.end()
}
