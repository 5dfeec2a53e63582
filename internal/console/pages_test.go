package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// everywhere is all pages of a full world.
func everywhere(user, letter string) []string {
	return []string{
		"/console/", "/console/feed", "/console/feed?outcome=failed&vendor=lead", "/console/dead", "/console/dead?text=taken&class=permanent",
		letter, letter + "/state", "/console/dead/lead/user.created/none", "/console/user", "/console/user?id=" + url.QueryEscape(user),
		"/console/user?id=nobody", "/console/send", "/console/send?type=activity.tracked", "/console/audit", "/console/audit?all=1", "/console/nowhere",
		"/console/?window=1d", "/console/vendors/lead", "/console/vendors/lead?window=1h", "/console/vendors/none", "/console/configuration", "/console/configuration?all=1",
		"/console/deletions", "/console/deletions?vendor=lead", "/console/audit?who=ann&what=usher.vendor.paused&days=1&page=2",
		"/console/feed?type=user.created&user=" + url.QueryEscape(user) + "&since=2020-01-01T00:00&until=2099-01-01T00:00",
	}
}

// A page may neither run nor style anything by itself, nor load anything from
// elsewhere, and says so to the browser.
func TestNoPageRunsAnythingInline(t *testing.T) {
	t.Parallel()
	w, letter := full(t, evil)
	for _, b := range []*browser{w.browser(), w.login(bobsToken), w.login(annsToken)} {
		for _, path := range everywhere(evil, letter) {
			answer, text := b.do(b.request(http.MethodGet, path, nil))
			if got := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'self'; ") || strings.Contains(got, "unsafe") {
				t.Errorf("%s: the policy is %q", path, got)
			}
			if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: headers are missing: %v", path, answer.Header)
			}
			for _, fault := range inline(t, text) {
				t.Errorf("%s: %s", path, fault)
			}
		}
	}
}

// inline is what a policy of 'self' would not let a page do.
func inline(t *testing.T, page string) (faults []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "style" || (n.Data == "script" && n.FirstChild != nil) {
			faults = append(faults, "there is an inline "+n.Data)
		}
		for _, a := range n.Attr {
			local := strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "#") || n.Data == "a" && strings.HasPrefix(a.Val, "https://github.com/usherhq/usher/blob/main/docs/")
			switch {
			case a.Key == "style", strings.HasPrefix(a.Key, "on"), strings.HasPrefix(a.Key, "hx-on"), strings.Contains(a.Val, "javascript:"):
				faults = append(faults, n.Data+" has "+a.Key+"="+a.Val)
			case (a.Key == "src" || a.Key == "href" || a.Key == "action") && !local:
				faults = append(faults, n.Data+" loads or leads elsewhere: "+a.Val)
			}
		}
	}
	return faults
}

// Whatever a producer or a vendor puts into an id or a message is text.
func TestWhatComesFromElsewhereIsText(t *testing.T) {
	t.Parallel()
	w, letter := full(t, evil)
	b := w.login(annsToken)
	b.get("/console/feed") // the follower begins
	for _, path := range append(everywhere(evil, letter), "/console/dead?text="+url.QueryEscape(evil)) {
		if _, text := b.get(path); strings.Contains(text, "<script>alert") {
			t.Errorf("%s runs what an event says", path)
		}
	}
	for path, want := range map[string]string{letter: "&lt;script&gt;alert", "/console/user?id=" + url.QueryEscape(evil): "&lt;script&gt;", "/console/feed": "&lt;script&gt;alert"} {
		if _, text := b.get(path); !strings.Contains(text, want) {
			t.Errorf("%s does not show it at all", path)
		}
	}
}

// No answer to a reader holds an address of the world, wherever it stands: in the
// event, in what the vendor said, in a reason, or as the id of the user.
func TestReadersSeeNoAddress(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{"elsewhere": "u1", "as the user's id": secret} {
		t.Run(name, func(t *testing.T) {
			w, letter := full(t, user)
			b := w.login(bobsToken)
			paths := everywhere(user, letter)
			for _, path := range paths {
				if _, text := b.get(path); strings.Contains(strings.ReplaceAll(text, "%40", "@"), secret) {
					t.Errorf("%s shows it:\n%s", path, around(text, "lovelace"))
				}
			}
			for _, path := range []string{"/console/live/overview", "/console/live/feed"} {
				if text := b.listen(path, "hx-partial"); strings.Contains(text, secret) {
					t.Errorf("%s shows it:\n%s", path, around(text, "lovelace"))
				}
			}
			if status, text := b.post(letter, "do", "reveal"); status != http.StatusForbidden || strings.Contains(text, secret) {
				t.Errorf("a reader may see personal data: %d", status)
			}
		})
	}
}

func around(text, word string) string {
	at := strings.Index(text, word)
	return text[max(0, at-200):min(len(text), at+100)]
}

func TestOperatorsSeePersonalDataWhenTheyAsk(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	b := w.login(annsToken)
	if _, text := b.get(letter); strings.Contains(text, secret) || !strings.Contains(text, "a…@example.org") || strings.Contains(text, "555 0100") {
		t.Error("the event is not masked")
	}
	if _, text := b.post(letter, "do", "reveal"); !strings.Contains(text, secret) || !strings.Contains(text, "555 0100") {
		t.Error("the event stays masked")
	}
	if log := w.log.String(); !strings.Contains(log, `"action":"reveal"`) || !strings.Contains(log, `"who":"ann"`) || strings.Contains(log, secret) {
		t.Errorf("who looked is not logged, or too much is: %s", log)
	}
}

func TestPagesSayWhatIs(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	b := w.login(annsToken)
	b.get("/console/feed")
	b.listen("/console/live/overview", "2 ended")
	for path, want := range map[string][]string{
		"/console/":                   {`data-vendor="lead"`, `data-state="paused"`, "1 dead letter", `data-do="resume"`},
		"/console/feed":               {`data-outcome="failed"`, `data-event="e-u1"`, `href="/console/user?id=u1"`, "42 ms"},
		"/console/feed?outcome=done":  {`data-outcome="done"`},
		"/console/dead":               {`data-letter="lead/user.created/`, "1 permanent", "422"},
		"/console/dead?state=waiting": {"1 dead letter"},
		"/console/dead?vendor=meiro":  {"None fit"},
		letter:                        {"It waits for a person", `data-act="drop"`, "a…@example.org"},
		"/console/user?id=u1":         {"active", `data-at="lead"`, `data-state="failed"`, `data-state="waiting"`, "tried again", "in 59 min", letter},
		"/console/user?id=nobody":     {"data-nobody", "Nothing is known of this user"},
		"/console/audit":              {"vendor paused", "ann", "because of a…@example.org", "1 action"},
		"/console/audit?who=bob":      {"0 actions"},
		"/console/?window=1d":         {"2 ended", "1 failed", "in the last day", "1 dead letter waits", "lead paused until", "/console/vendors/lead"},
		"/console/vendors/lead":       {`data-fact="ended">2<`, `data-fact="failed">1<`, `data-fact="p95">42`, `data-reason="ready"`, `data-do="resume"`},
		"/console/vendors/none":       {"No such vendor"},
		"/console/configuration":      {"without a file"},
		"/console/deletions":          {"No deletion is held"},
		"/console/feed?user=u1":       {`data-event="e-u1"`, `data-event="f-u1"`, "after="},
		"/console/feed?user=nobody":   {"Nothing has come yet"},
		"/console/feed?type=user.created&outcome=failed&since=2020-01-01T00:00": {`data-event="f-u1"`},
		"/console/feed?until=2020-01-01T00:00":                                  {"Nothing has come yet"},
	} {
		status, text := b.get(path)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %d, and not a word of %q", path, status, words)
			}
		}
	}
	for _, query := range []string{"outcome=skipped", "type=user.deleted", "user=u2", "since=2099-01-01T00:00", "type=user.created&user=u1&outcome=failed&until=2020-01-01T00:00"} {
		if _, text := b.get("/console/feed?" + query); strings.Contains(text, "data-row") {
			t.Errorf("the feed shows other rows for %s", query)
		}
	}
}

// TestHistoryGivesReason is about a user whose event is at fault itself, and of
// one who waits, for an account and for a vendor that is on hold.
func TestHistoryGivesReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{Open: true})
	letter := w.addLetter(w.event("e1", "refused"), "at /data/course_id: unknown course")
	now := time.Now()
	trial := now.Add(time.Hour)
	iso := func(at time.Time, wait time.Duration) string { return at.Add(wait).UTC().Format(time.RFC3339) }
	c := config.Default().Worker
	w.account("waits", func(r *record.Record) {
		r.Pending = []record.Effect{{
			Key: 1, Type: events.EnrollmentRequested, Scope: events.ScopeCourse, Attempts: 1, Prerequisite: true, Registered: now, Begun: now, Due: now.Add(time.Second),
		}}
	})
	if err := w.streams.Control.SetHold(t.Context(), "lead", streams.Hold{Since: now, At: trial, Why: "credentials refused"}); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	for path, want := range map[string][]string{
		"/console/user?id=refused": {`data-at="lead" data-state="failed"`, "unknown course", letter},
		"/console/user?id=waits":   {`data-vendor="lead" data-user-state="on hold"`, "vendor on hold: credentials refused; the user has no account", "tried again", iso(trial, c.HoldRetry), "given up", iso(now, c.PrerequisiteWait)},
	} {
		_, text := b.get(path)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: not a word of %q in\n%s", path, words, text)
			}
		}
		if strings.Contains(text, "No vendor was ever asked") {
			t.Errorf("%s says that nothing is known", path)
		}
	}
}

func TestPagesOfAnEmptyWorldSayWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{Open: true})
	w.service.Store(nil)
	b := w.browser()
	if status, text := b.get("/console/"); status != http.StatusServiceUnavailable || !strings.Contains(text, "NATS is not reached yet") {
		t.Errorf("got %d %s", status, text)
	}
	off := newWorld(t, console.Config{}).browser()
	status, text := off.get("/console/")
	if status != http.StatusNotFound || !strings.Contains(text, "USHER_CONSOLE_TOKENS") {
		t.Errorf("got %d %s", status, text)
	}
	for _, none := range []string{"<nav", "operator", "Back to the overview"} {
		if strings.Contains(text, none) {
			t.Errorf("a console that is off has %q in\n%s", none, text)
		}
	}
	if status, _ := off.post("/console/vendors/lead/pause"); status != http.StatusNotFound {
		t.Errorf("a console that is off does something: %d", status)
	}
}
