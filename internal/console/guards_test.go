package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/streams"
)

// writes returns every request that changes something: path → form.
func writes(letter string) map[string][]string {
	return map[string][]string{
		"/console/vendors/lead/pause":  {"for", "1h"},
		"/console/vendors/lead/resume": nil,
		"/console/vendors/lead/check":  nil,
		"/console/deletions":           {"do", "approve", "reason", "no"},
		"/console/send":                {"type", "user.created", "data.user_id", "u9", "data.email", "u9@example.org"},
		"/console/dead":                {"do", "replay", "all", "1"},
		letter:                         {"do", "drop", "reason", "no"},
	}
}

func TestReadersChangeNothing(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	b := w.login(bobsToken)
	before := w.actions()
	for path, pairs := range writes(letter) {
		if status, _ := b.post(path, pairs...); status != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", path, status)
		}
	}
	if got := w.actions(); got != before {
		t.Errorf("%d actions were carried out", got-before)
	}
	for _, path := range everywhere("u1", letter) {
		if _, text := b.get(path); strings.Contains(text, "data-act=") || strings.Contains(text, "data-do=\"pause") || strings.Contains(text, "<dialog") {
			t.Errorf("%s has buttons for operators", path)
		}
	}
	if status, _ := b.get("/console/send"); status != http.StatusForbidden {
		t.Errorf("the form to send: got %d, want 403", status)
	}
}

// actions returns the number of recorded actions.
func (w *world) actions() int {
	w.t.Helper()
	stream, err := w.streams.Client.JetStream.Stream(w.t.Context(), streams.AuditStream)
	if err != nil {
		w.t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

func TestNothingIsDoneForAnotherSite(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	ann := w.login(annsToken)
	for name, change := range map[string]func(*http.Request){
		"another site":   func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"another origin": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
		"a sister host":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
	} {
		for path, pairs := range writes(letter) {
			r := ann.request(http.MethodPost, path, values(ann.form, pairs))
			change(r)
			if answer, text := ann.do(r); answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "another site") {
				t.Errorf("%s: %s: got %d, want 403", name, path, answer.StatusCode)
			}
		}
	}
	bob := w.login(bobsToken)
	for name, form := range map[string]string{"no token": "", "another session's": bob.form, "made up": strings.Repeat("0", 64)} {
		for path, pairs := range writes(letter) {
			if answer, text := ann.do(ann.request(http.MethodPost, path, values(form, pairs))); answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "too old") {
				t.Errorf("%s: %s: got %d, want 403", name, path, answer.StatusCode)
			}
		}
	}
	if got := w.actions(); got != 1 { // the pause of the full world
		t.Errorf("%d actions are recorded, want 1", got)
	}
	r := ann.request(http.MethodPost, "/console/vendors/lead/resume", values("", nil))
	r.Header.Set("X-Usher-Form", ann.form) // as htmx sends it
	if answer, _ := ann.do(r); answer.StatusCode != http.StatusOK {
		t.Errorf("with the header: got %d", answer.StatusCode)
	}
}

func TestStrangersAreAskedWhoTheyAre(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	b := w.browser()
	for _, path := range append(everywhere("u1", letter), "/console/live/overview", "/console/live/feed") {
		if _, text := b.get(path); !strings.Contains(text, `data-page="login"`) || strings.Contains(text, `aria-label="Pages"`) || strings.Contains(text, "data-vendor") {
			t.Errorf("%s is shown to a stranger", path)
		}
	}
	for path, pairs := range writes(letter) {
		if _, text := b.post(path, pairs...); !strings.Contains(text, `data-page="login"`) {
			t.Errorf("%s is done for a stranger", path)
		}
	}
	r := b.request(http.MethodGet, letter+"/state", nil)
	r.Header.Set("HX-Request", "true")
	if answer, _ := b.do(r); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("HX-Redirect") != "/console/login" {
		t.Errorf("htmx: got %d to %q", answer.StatusCode, answer.Header.Get("HX-Redirect"))
	}
	if got := w.actions(); got != 1 {
		t.Errorf("%d actions are recorded, want 1", got)
	}
}

// TestWrongTokensAreNotLogged tries wrong tokens, more than an address has at once: a person logs in
// all the same.
func TestWrongTokensAreNotLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.browser()
	for range 8 {
		if status, _ := b.post("/console/login", "token", "a-guess-of-16-bytes"); status != http.StatusUnauthorized {
			t.Fatalf("got %d, want 401", status)
		}
	}
	if status, text := b.post("/console/login", "token", annsToken); status != http.StatusOK || strings.Contains(text, `data-page="login"`) {
		t.Errorf("got %d, want the first page in spite of the tries of others", status)
	}
	if strings.Contains(w.log.String(), "a-guess") {
		t.Error("the log has a token that was tried")
	}
}

func TestLoginAndLogout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r := b.request(http.MethodPost, "/console/login", values("", []string{"token", annsToken, "next", "/console/audit?all=1"}))
	r.Header.Set("X-Forwarded-Proto", "https")
	answer, _ := b.do(r)
	if got := answer.Header.Get("Location"); got != "/console/audit?all=1" {
		t.Errorf("leads to %q", got)
	}
	c := answer.Cookies[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || time.Duration(c.MaxAge)*time.Second != 12*time.Hour {
		t.Errorf("the cookie is %s", c)
	}
	if c.Name != "__Host-usher_console" || c.Domain != "" {
		t.Errorf("with TLS the cookie is named %s", c.Name)
	}
	ann := w.login(annsToken)
	stolen := ann.request(http.MethodGet, "/console/", nil)
	for _, held := range ann.client.Jar.Cookies(stolen.URL) {
		stolen.AddCookie(held)
	}
	ann.post("/console/logout")
	if _, text := ann.get("/console/"); !strings.Contains(text, `data-page="login"`) {
		t.Error("the session goes on")
	}
	if _, text := w.browser().do(stolen); !strings.Contains(text, `data-page="login"`) {
		t.Error("a copy of the cookie is valid after the log-out")
	}
}

// A page in a browser may have a name of its own resolve to this machine.
func TestOpenConsoleAnswersUnderLoopbackNamesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{Open: true})
	b := w.browser()
	for host, want := range map[string]int{"": 200, "localhost:1": 200, "[::1]:8080": 200, "evil.example": 403, "127.0.0.1.evil.example": 403} {
		r := b.request(http.MethodGet, "/console/", nil)
		r.Host = host
		if answer, _ := b.do(r); answer.StatusCode != want {
			t.Errorf("%q: got %d, want %d", host, answer.StatusCode, want)
		}
	}
}

// A field named as a member of HTMLFormElement hides that member: htmx then fails.
func TestNoFieldHidesAMemberOfItsForm(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	b := w.login(annsToken)
	for _, path := range everywhere("u1", letter) {
		_, text := b.get(path)
		for _, name := range []string{"form", "action", "method", "elements", "submit", "length", "target", "id"} {
			if strings.Contains(text, `type="hidden" name="`+name+`"`) {
				t.Errorf("%s has a field named %s", path, name)
			}
		}
	}
}

// values is a form with these names and values.
func values(form string, pairs []string) url.Values {
	v := url.Values{"form_key": {form}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
