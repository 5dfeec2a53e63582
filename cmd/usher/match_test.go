package main

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// finders are the vendors of TestAdopt that look up accounts, each of another kind or mode. The value
// says whether a look-up shows several accounts with one e-mail.
var finders = map[string]bool{"miestro": true, "meiro": true, "lead": false, "magloft": true, "readers": false, "crm": true}

// pastWorld has accounts from before at every finder.
type pastWorld struct{ *world }

// newPast returns a world with the finders.
func newPast(t *testing.T) pastWorld {
	t.Helper()
	w := newWorld(t)
	stands, err := sandbox.New(sandbox.Config{Instances: map[string]string{"crm": "scim", "readers": "magloft"}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(stands.Handler())
	t.Cleanup(web.Close)
	w.stands = stands
	w.environ = append(w.environ, stands.Environ(strings.TrimPrefix(web.URL, "http://"))...)
	w.environ = append(w.environ, "USHER_READERS_MODE=readers")
	return pastWorld{w}
}

// rules serves with a value of adopt at every finder.
func (w pastWorld) rules(adopt string) {
	w.t.Helper()
	text := "vendors:\n  usermost: {mode: off}\n"
	for name := range finders {
		kind := map[string]string{"crm": "kind: scim, ", "readers": "kind: magloft, "}[name]
		text += fmt.Sprintf("  %s: {%sadopt: %s, timeout: 5s}\n", name, kind, adopt)
	}
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.serve()
}

// steps returns the outcome, class and step of an event at every finder, once there.
func (w pastWorld) steps(id string, replay int) map[string]string {
	w.t.Helper()
	got := map[string]string{}
	w.until("the results of "+id, func() bool {
		clear(got)
		for _, name := range w.names() {
			out := w.must("results", "--event", id, "--vendor", name, "--json")
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if out != "" && len(lines) > replay {
				got[name] = lines[len(lines)-1]
			}
		}
		return len(got) == len(finders)
	})
	return got
}

// names returns the finders.
func (pastWorld) names() []string { return slices.Sorted(maps.Keys(finders)) }

// want checks that each result has all words.
func (w pastWorld) want(what string, got map[string]string, words ...string) {
	w.t.Helper()
	for name, line := range got {
		for _, word := range words {
			if !strings.Contains(line, word) {
				w.t.Errorf("%s at %s: want %s, got %s", what, name, word, line)
			}
		}
		if strings.Contains(line, "@") {
			w.t.Errorf("%s at %s: got an address in %s", what, name, line)
		}
	}
}

// TestAdopt plays accounts from before at every kind: left alone, adopted after a change of the rule,
// and ambiguous until a person removes one.
func TestAdopt(t *testing.T) {
	w := newPast(t)
	created := func(id, user string) string {
		return cloudEvent(events.UserCreated, id, `{"user_id":"`+user+`","email":"`+user+`@example.org","first_name":"Ada"}`)
	}
	for _, name := range w.names() {
		if name == "readers" { // the stand-in makes readers by hand once there is one
			continue
		}
		w.byHand(name, sandbox.Add, "ada@example.org", "bob@example.org")
	}
	w.rules("unclaimed")
	w.feedAll(created("first", "zoe"))
	w.want("zoe", w.steps("first", 0), `"action":"created"`)
	w.end()
	w.byHand("readers", sandbox.Add, "ada@example.org", "bob@example.org")
	for _, name := range w.names() {
		w.byHand(name, sandbox.Add, "eve@example.org")
		if finders[name] {
			w.byHand(name, sandbox.Add, "eve@example.org")
		}
	}

	w.rules("never")
	w.feedAll(created("ada", "ada"), cloudEvent(events.UserDeleted, "gone", `{"user_id":"bob","email":"bob@example.org"}`))
	w.feedAll(created("bob", "bob"), cloudEvent(events.UserDeleted, "gone2", `{"user_id":"bob","email":"bob@example.org"}`))
	w.want("a deletion behind a creation", w.steps("gone2", 0), `"outcome":"already_done"`)
	w.want("never", w.steps("ada", 0), `"class":"unadopted"`, "adopt is never", "set adopt to unclaimed")
	w.want("a deletion under never", w.steps("gone", 0), `"outcome":"already_done"`)
	w.end()

	w.rules("always")
	w.must("dead", "replay", "--all", "--max", "50", "--class", "unadopted")
	w.want("replayed", w.steps("ada", 1), `"action":"adopted"`, `"matched_by":"email"`)
	w.feedAll(created("eve", "eve"))
	for name, line := range w.steps("eve", 0) {
		if finders[name] {
			w.want("twice", map[string]string{name: line}, `"class":"ambiguous"`, "2 accounts have the e-mail of the user", "keep one of the accounts at "+name)
			w.byHand(name, sandbox.Purge, "eve@example.org")
		}
	}
	w.must("dead", "replay", "--all", "--max", "50", "--class", "ambiguous")
	w.until("nothing is dead", func() bool { return len(w.letters("--class", "ambiguous")) == 0 })
	w.end()
	for _, name := range w.names() {
		live := map[string]int{}
		for _, u := range w.stands.State().Vendors[name].Live() {
			live[u.Email]++
		}
		if live["ada@example.org"] != 1 || live["bob@example.org"] != 1 || live["eve@example.org"] != 1 {
			t.Errorf("%s: got %v, want each account once", name, live)
		}
	}
}
