package console_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/streams"
)

// inputs returns the values of a form's hidden inputs, as pairs for post.
func inputs(text, form string) (pairs []string) {
	_, text, _ = strings.Cut(text, `id="`+form+`"`)
	text, _, _ = strings.Cut(text, "</form>")
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		if m[1] != "form_key" {
			pairs = append(pairs, m[1], m[2])
		}
	}
	return pairs
}

// A cause is selected, previewed, and sent back with the same selection, and the page follows the
// replays to their ends.
func TestCauseFromDryRunToTheEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	for _, id := range []string{"e1", "e2"} {
		w.addLetter(w.event(id, "u1"), "lead: create user: status 422: name "+id)
	}
	w.addLetter(w.event("e3", "u2"), "lead: delete user: status 422: no")
	b := w.login(annsToken)
	const cause = "permanent:lead:create user:422"
	if _, text := b.get("/console/dead"); !strings.Contains(text, `<tr data-cause="`+cause+`">`) || strings.Count(text, "data-cause=") != 2 {
		t.Fatalf("the causes are:\n%s", around(text, "causes"))
	}
	if _, text := b.get("/console/dead?user=u2"); strings.Count(text, "data-letter=") != 1 {
		t.Error("the filter by user")
	}
	_, text := b.get("/console/dead?vendor=lead&class=permanent")
	link := regexp.MustCompile(`data-cause="` + cause + `">\s*<td[^>]*><a href="([^"]+)"`).FindStringSubmatch(text)
	if link == nil {
		t.Fatalf("no link:\n%s", around(text, "causes"))
	}
	_, text = b.get(html.UnescapeString(link[1]))
	if strings.Count(text, "data-letter=") != 2 || !strings.Contains(text, `name="all" value="1" checked`) {
		t.Fatalf("of one cause:\n%s", around(text, "letters"))
	}
	_, text = b.post("/console/dead", append(inputs(text, "actions"), "all", "1", "do", "preview")...)
	if strings.Count(text, "would call the vendor") != 2 {
		t.Fatalf("the dry run:\n%s", around(text, "outcomes"))
	}
	_, text = b.post("/console/dead", append(inputs(text, "actions"), "do", "replay", "reason_replay", "mended")...)
	if strings.Count(text, `data-done="ok"`) != 2 || !strings.Contains(text, `data-open="2" data-done="0" data-failed="0"`) {
		t.Fatalf("after sending:\n%s", around(text, "follow"))
	}
	sent := inputs(text, "follow")
	if _, text = b.post("/console/dead/follow", sent...); !strings.Contains(text, `data-open="2"`) || !strings.Contains(text, "hx-post") {
		t.Errorf("while they are under way:\n%s", text)
	}
	w.endReplays()
	_, text = b.post("/console/dead/follow", inputs(text, "follow")...)
	if !strings.Contains(text, `data-open="0" data-done="1" data-failed="1"`) || strings.Contains(text, "hx-post") {
		t.Errorf("at the end:\n%s", text)
	}
	if status, text := b.post("/console/dead/follow", "sent", "lead/*/x/1", "sent", "nonsense"); status != http.StatusOK || !strings.Contains(text, `data-open="0"`) {
		t.Errorf("names of nothing: got %d\n%s", status, text)
	}
}

// endReplays ends the first replay well, and the second as a failure.
func (w *world) endReplays() {
	w.t.Helper()
	n := 0
	for r, err := range w.streams.Replays.List(w.t.Context(), "") {
		if err != nil {
			w.t.Fatal(err)
		}
		if n++; n == 1 {
			err = w.streams.DeadLetters.RemoveEnded(w.t.Context(), r.Vendor, "user.created", r.Header.Key, 1)
		} else {
			var d streams.DeadLetter
			if d, err = w.streams.DeadLetters.Get(w.t.Context(), r.Vendor, "user.created", r.Header.Key); err == nil {
				d.Replay, d.Replaying = 1, 0
				err = w.streams.DeadLetters.Add(w.t.Context(), d)
			}
		}
		if err == nil {
			err = w.streams.Replays.Remove(w.t.Context(), r.Message.Position.Seq)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
