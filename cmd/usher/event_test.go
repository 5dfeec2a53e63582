package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
)

// TestEvent shows an event with its outcome at every vendor, by the command and on the page, of two
// sources with one id; and the steps of the event.
func TestEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := courses + "vendors:\n  meiro: {scope: 'user.attributes.role == \"learner\"'}\n  lead: {scope: 'true'}\n"
	if err := os.WriteFile(w.file, []byte(scope), 0o600); err != nil {
		t.Fatal(err)
	}
	l := looker{world: w, url: w.overHTTP()}
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	l.browser, _ = w.operator(l.url)
	ada := personEvent(events.UserCreated, "one", "ada", `,"attributes":{"role":"staff"}`)
	w.feedAll(ada)
	w.expect("one", map[string]string{"lead": "done", "magloft": "done", "meiro": "skipped", "miestro": "done", "usermost": "done"})
	out := w.must("event", "one")
	for _, want := range []string{"event\tone\n", "user\tada\n", `"email": "a…@example.org"`, "lead\tdone\t1\t", "meiro\tskipped\t1\t"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	page := w.page(l.browser, http.MethodGet, l.url+"/console/event?id=one&user=ada", nil)
	for _, want := range []string{`data-event="one"`, `data-at="lead" data-state="done"`, `data-at="meiro" data-state="skipped"`, "a…@example.org", "/console/send?type=user.created"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(out+page, "ada@example.org") {
		t.Error("the e-mail is shown")
	}
	for _, want := range []string{
		"\tone\t\tevent\tuser.created\n", "\t\tmeiro\tscope\tthe rule vendors.meiro.scope keeps the event from the vendor\n", "lead\tscope\tin scope\n",
		"lead\tlook-up\tno account found\n", "lead\tcall\t1 attempt\n", "lead\tresult\tdone: created\n",
	} {
		if steps := w.must("user", "ada", "--timeline"); !strings.Contains(strings.ReplaceAll(steps, "\tone\tmeiro", "\t\tmeiro"), want) {
			t.Errorf("no %q in\n%s", want, steps)
		}
	}
	w.feedAll(strings.Replace(ada, "/school", "/other", 1))
	if out := w.must("event", "one", "--json"); strings.Count(out, `"event_id": "one"`) < 2 {
		t.Errorf("got %s, want the events of both sources", out)
	}
	if out := w.must("event", "one", "--source", "/other", "--json"); !strings.Contains(out, `"source": "/other"`) || strings.Contains(out, `"source": "/school"`) {
		t.Errorf("got %s, want the event of one source", out)
	}
	out, err := w.try("event", "unknown")
	if out != "" || err == nil || cli.ExitCode(err) != 1 || !strings.Contains(err.Error(), "usher results --event unknown") {
		t.Errorf("got %q, %v for an unknown id", out, err)
	}
	if page := w.page(l.browser, http.MethodGet, l.url+"/console/event?id=unknown", nil); !strings.Contains(page, "data-nobody") {
		t.Errorf("got\n%s\nfor an unknown id", page)
	}
	w.end()
}
