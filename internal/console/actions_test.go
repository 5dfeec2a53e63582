package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/streams"
)

// done is what is written down, as "kind who why".
func (w *world) done() (list []string) {
	w.t.Helper()
	for a, err := range w.streams.Audit.List(w.t.Context(), streams.AuditQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, strings.TrimPrefix(a.Kind, "usher.")+" "+a.Who+" "+a.Why)
	}
	return list
}

func TestActionsOnOneDeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	letter := w.addLetter(w.event("e1", "u1"), "no")
	b := w.login(annsToken)
	if _, text := b.post(letter, "do", "preview"); !strings.Contains(text, "would call the vendor") {
		t.Errorf("the dry run says:\n%s", around(text, "preview"))
	}
	if status, text := b.post(letter, "do", "drop", "reason", " \n"); status != http.StatusUnprocessableEntity || !strings.Contains(text, "say why") {
		t.Errorf("dropped without a reason: %d", status)
	}
	if status, _ := b.post(letter, "do", "burn"); status != http.StatusBadRequest {
		t.Errorf("no such action: got %d", status)
	}
	if _, text := b.post(letter, "do", "replay", "reason", "it is\nback"); !strings.Contains(text, `data-state="replaying"`) || !strings.Contains(text, `hx-trigger="every 1s"`) {
		t.Error("a replay is not shown")
	}
	if status, text := b.post(letter, "do", "replay"); status != http.StatusConflict || !strings.Contains(text, "on its way") {
		t.Errorf("sent twice: got %d", status)
	}
	if status, _ := b.post(letter, "do", "drop", "reason", "enough"); status != http.StatusOK {
		t.Errorf("drop: got %d", status)
	}
	if _, text := b.get(letter + "/state"); !strings.Contains(text, `data-state="gone"`) || strings.Contains(text, "hx-trigger") || strings.Contains(text, "<html") {
		t.Errorf("what is gone is asked for again: %s", text)
	}
	if status, _ := b.get(letter); status != http.StatusNotFound {
		t.Errorf("what is gone: got %d", status)
	}
	if status, text := b.get(letter + "?replayed=1"); status != http.StatusOK || !strings.Contains(text, "It was sent back") {
		t.Errorf("what has ended before the page was asked for: got %d", status)
	}
	if diff := cmp.Diff([]string{"dead.replayed ann it is back", "dead.dropped ann enough"}, w.done()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestActionsOnMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	var refs []string
	for i := range 4 {
		why := "full"
		if i == 3 {
			why = "other"
		}
		refs = append(refs, strings.TrimPrefix(w.addLetter(w.event(fmt.Sprint("e", i), "u1"), why), "/console/dead/"))
	}
	b := w.login(annsToken)
	if status, _ := b.post("/console/dead", "do", "preview"); status != http.StatusUnprocessableEntity {
		t.Errorf("none chosen: got %d", status)
	}
	if _, text := b.post("/console/dead", "do", "preview", "all", "1", "text", "full"); strings.Count(text, "would call the vendor") != 3 {
		t.Errorf("the dry run tells of %d", strings.Count(text, "would call the vendor"))
	}
	if _, text := b.post("/console/dead", "do", "replay", "letter", refs[0], "letter", refs[3]); strings.Count(text, `data-done="ok"`) != 2 {
		t.Errorf("%d were sent back, want 2", strings.Count(text, `data-done="ok"`))
	}
	_, text := b.post("/console/dead", "do", "replay", "all", "1")
	if ok, not := strings.Count(text, `data-done="ok"`), strings.Count(text, `data-done="not"`); ok != 2 || not != 2 {
		t.Errorf("got %d sent back and %d left alone, want 2 and 2", ok, not)
	}
	if status, _ := b.post("/console/dead", "do", "drop", "all", "1"); status != http.StatusUnprocessableEntity {
		t.Errorf("dropped without a reason: got %d", status)
	}
	if _, text := b.post("/console/dead", "do", "drop", "all", "1", "text", "other", "reason_drop", "old"); strings.Count(text, `data-done="ok"`) != 1 {
		t.Error("what fits is not dropped")
	}
	if _, text := b.get("/console/dead"); !strings.Contains(text, "3 dead letters") {
		t.Errorf("left is:\n%s", around(text, "tally"))
	}
}

func TestSending(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.login(annsToken)
	for name, test := range map[string]struct {
		pairs []string
		want  string
	}{
		"nothing":       {nil, `data-wrong="email"`},
		"no e-mail":     {[]string{"data.user_id", "u1", "data.email", "nobody"}, `data-wrong="email"`},
		"no JSON":       {[]string{"data.user_id", "u1", "data.email", "a@example.org", "data.attributes", "{"}, `data-wrong="attributes"`},
		"what was sent": {[]string{"data.user_id", evil, "data.email", "x"}, `value="&lt;script&gt;`},
	} {
		status, text := b.post("/console/send", append([]string{"type", "user.created"}, test.pairs...)...)
		if status != http.StatusUnprocessableEntity || !strings.Contains(text, test.want) {
			t.Errorf("%s: got %d, without %s", name, status, test.want)
		}
	}
	status, text := b.post("/console/send", "type", "user.created", "data.user_id", "u 1", "data.email", "a@example.org", "reason", "try")
	if status != http.StatusOK || !strings.Contains(text, `href="/console/user?id=u%201&amp;watch=`) {
		t.Errorf("got %d:\n%s", status, around(text, "data-sent"))
	}
	if have, err := w.streams.Client.Extent(t.Context(), streams.EventsStream); err != nil || have.Messages != 1 {
		t.Errorf("got %d events, %v; want 1", have.Messages, err)
	}
	if diff := cmp.Diff([]string{"event.sent ann try"}, w.done()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPausing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.login(annsToken)
	for _, span := range []string{"-1h", "0s", "soon", "10000h"} {
		if status, _ := b.post("/console/vendors/lead/pause", "for", span); status != http.StatusUnprocessableEntity {
			t.Errorf("for %s: got %d, want 422", span, status)
		}
	}
	if status, _ := b.post("/console/vendors/meiro/pause"); status != http.StatusNotFound {
		t.Errorf("a vendor that nobody has served: got %d, want 404", status)
	}
	if _, text := b.post("/console/vendors/lead/pause", "reason", "tea"); !strings.Contains(text, "lead was paused") || !strings.Contains(text, "until somebody resumes it") {
		t.Error("the pause is not shown")
	}
	if diff := cmp.Diff([]string{"vendor.paused ann tea"}, w.done()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
