package main

import (
	"bufio"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// page is what a browser with cookies gets. Where it posts, it says so as browsers do.
func (w *world) page(client *http.Client, method, address string, form url.Values) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var text strings.Builder
	for scan := bufio.NewScanner(res.Body); scan.Scan(); {
		text.WriteString(scan.Text() + "\n")
		if strings.Contains(scan.Text(), `data-event="e-live"`) && strings.Contains(address, "/live/") {
			break
		}
	}
	return text.String()
}

const consoleToken = "console-" + token

// operator logs in at the console, and returns the browser and the key of its forms.
func (w *world) operator(base string) (browser *http.Client, form string) {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	browser = &http.Client{Jar: jar}
	w.t.Cleanup(browser.CloseIdleConnections)
	if text := w.page(browser, http.MethodGet, base+"/console", nil); !strings.Contains(text, `data-page="login"`) {
		w.t.Fatalf("a stranger is shown:\n%s", text)
	}
	first := w.page(browser, http.MethodPost, base+"/console/login", url.Values{"token": {consoleToken}})
	found := regexp.MustCompile(`name="form_key" value="([0-9a-f]+)"`).FindStringSubmatch(first)
	if found == nil {
		w.t.Fatalf("logged in, it shows:\n%s", first)
	}
	return browser, found[1]
}

// What a person sends from the console comes to every vendor, and stands in the
// feed and in the history; a live page does not hold up the end of serve.
func TestConsoleOfServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.overHTTP()
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	browser, form := w.operator(base)
	sent := w.page(browser, http.MethodPost, base+"/console/send", url.Values{
		"form_key": {form}, "type": {"user.created"}, "data.user_id": {"ada"}, "data.email": {"ada@example.org"},
	})
	if !strings.Contains(sent, `data-sent="`) {
		t.Fatalf("sent, it shows:\n%s", sent)
	}
	w.until("the history is complete", func() bool {
		history := w.page(browser, http.MethodGet, base+"/console/user?id=ada", nil)
		return strings.Count(history, `data-state="done"`) >= 4
	})
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent("user.created", "e-live", `{"user_id":"bob","email":"bob@example.org"}`))
	if text := w.page(browser, http.MethodGet, base+"/console/live/feed", nil); !strings.Contains(text, `data-event="e-live"`) {
		t.Errorf("the feed says:\n%s", text)
	}
	if _, metrics := w.get(base + "/metrics"); !strings.Contains(metrics, `route="/console"`) {
		t.Error("the console's requests are not counted as such")
	}
	w.endsPromptly(browser, base)
}

// TestConsoleAsOperator has a process that takes events and serves the console be the
// operator on NATS, by the rights of deploy/nats: it needs none of another user's.
func TestConsoleAsOperator(t *testing.T) {
	t.Parallel()
	lines, _ := userRights(t)
	w := guarded(t, lines).as("operator")
	w.must("nats", "apply")
	base := w.overHTTP()
	w.environ = append(w.environ, "USHER_WORKER_ON=false", "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	if status, body := w.post(base+"/events", "application/cloudevents+json", cloudEvent("user.created", "c1", oneUser), nil); status != http.StatusAccepted {
		t.Errorf("got %d %s, want 202", status, body)
	}
	browser, form := w.operator(base)
	sent := w.page(browser, http.MethodPost, base+"/console/send", url.Values{
		"form_key": {form}, "type": {"user.created"}, "data.user_id": {"ada"}, "data.email": {"ada@example.org"},
	})
	if !strings.Contains(sent, `data-sent="`) {
		t.Errorf("sent, it shows:\n%s", sent)
	}
	paused := w.page(browser, http.MethodPost, base+"/console/vendors/lead/pause", url.Values{"form_key": {form}, "reason": {"tea"}})
	if !strings.Contains(paused, "lead was paused") {
		t.Errorf("paused, it shows:\n%s", paused)
	}
	w.end()
	if strings.Contains(strings.ToLower(w.log.String()), "permissions violation") {
		t.Error("something was refused")
	}
}

// endsPromptly stops serve while a page lives.
func (w *world) endsPromptly(browser *http.Client, base string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, base+"/console/live/overview", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := browser.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	w.stop()
	scan := bufio.NewScanner(res.Body)
	for scan.Scan() {
	}
	if err := scan.Err(); err != nil { // it was cut off when the time for an orderly end was over
		w.t.Errorf("the live page does not end by itself: %v", err)
	}
	if err := <-w.ended; err != nil {
		w.t.Error(err)
	}
}
