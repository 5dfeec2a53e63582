package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
)

// TestUserByEmail finds users by their e-mails, by the command and on the page; after a change of the
// e-mail, and not after usher forget.
func TestUserByEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := looker{world: w, url: w.overHTTP()}
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	w.feedBefore(user("ada"), personEvent(events.UserCreated, "c-eve", "eve", ""))
	w.serve() // the events are older than the index
	l.browser, l.form = w.operator(l.url)
	finds := func(email string, want ...string) {
		t.Helper()
		w.until(email+" is found", func() bool { return slices.Equal(w.usersWith(email), want) })
	}
	finds("Ada@Example.org", "ada")
	w.feedAll(personEvent(events.UserUpdated, "u-ada", "ada", `,"attributes":{}`),
		cloudEvent(events.UserUpdated, "u-eve", `{"user_id":"eve","email":"ada@example.org"}`))
	finds("ada@example.org", "ada", "eve")
	finds("eve@example.org")
	if out, err := w.try("user", "eve@example.org"); out != "" || err == nil || cli.ExitCode(err) != 1 || strings.Contains(err.Error(), "eve@") {
		t.Errorf("got %q, %v for a former e-mail", out, err)
	}
	if page := l.find("ada@example.org"); !strings.Contains(page, "/console/user?id=ada") || !strings.Contains(page, "/console/user?id=eve") || strings.Contains(page, "ada@") {
		t.Errorf("got\n%s\nwant both users", page)
	}
	l.nobody()
	for _, done := range []string{"c-ada", "u-ada"} {
		w.expect(done, everywhere)
	}
	w.feedAll(cloudEvent(events.UserDeleted, "d-ada", `{"user_id":"ada"}`))
	w.until("ada is deleted", func() bool { return len(w.outcomes("d-ada")) == 5 })
	out := w.must("forget", "ada", "--yes", "--keep-accounts", "--reason", "a test", "--json")
	if !strings.Contains(strings.Join(strings.Fields(out), ""), `{"where":"EMAILS","count":2}`) {
		t.Errorf("got %s, want the index of e-mails", out)
	}
	finds("ada@example.org", "eve")
	if page := l.find("ada@example.org"); !strings.Contains(page, `data-page="user"`) || !strings.Contains(page, "<h2>eve</h2>") {
		t.Errorf("got\n%s\nwant the page of eve", page)
	}
	if _, metrics := w.get(l.url + "/metrics"); strings.Contains(metrics, "@") {
		t.Error("an e-mail is in the metrics")
	}
	w.end()
}

// usersWith returns the users that usher user prints for an e-mail.
func (w *world) usersWith(email string) (ids []string) {
	out, err := w.try("user", email, "--json")
	if err != nil {
		return nil
	}
	_, list, several := strings.Cut(out, `"users": [`)
	if !several {
		_, list, _ = strings.Cut(out, `"user_id": "`)
		id, _, _ := strings.Cut(list, `"`)
		return []string{id}
	}
	list, _, _ = strings.Cut(list, "]")
	for one := range strings.SplitSeq(list, ",") {
		ids = append(ids, strings.Trim(one, " \n\""))
	}
	return ids
}

// feedBefore stores events before the first process.
func (w *world) feedBefore(lines ...string) {
	w.t.Helper()
	w.must("nats", "apply")
	w.feedAll(lines...)
}
