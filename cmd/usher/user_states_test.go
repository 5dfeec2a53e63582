package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

// userState is the expected answer of usher user at one vendor.
type userState struct {
	state string
	says  []string // words of the line and of the row on the page
}

// looker looks at a user by every way: the command and the page, by the e-mail, and the JSON, by the id.
type looker struct {
	*world
	url     string
	browser *http.Client
	form    string // key of the forms of the session
}

// find returns the page that the form for an id or an e-mail leads to.
func (l looker) find(text string) string {
	return l.page(l.browser, http.MethodPost, l.url+"/console/user/find", url.Values{"form_key": {l.form}, "id": {text}})
}

// nobody wants an unknown id and an unknown e-mail answered as such, with exit code 1.
func (l looker) nobody() {
	l.t.Helper()
	for text, want := range map[string]string{"nobody": "nothing is known of nobody", "nobody@example.org": "no user with this e-mail is known"} {
		out, err := l.try("user", text)
		if err == nil || out != "" || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "nobody@") {
			l.t.Errorf("%s: got %q and %v, want %q and exit code 1", text, out, err, want)
		}
		if page := l.find(text); !strings.Contains(page, "data-nobody") || strings.Contains(page, "nobody@") {
			l.t.Errorf("%s: got\n%s\nwant nobody", text, page)
		}
	}
}

// user returns the JSON of usher user.
func (l looker) user(id string) (u ops.User) {
	l.t.Helper()
	out, err := l.try("user", id, "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &u)
	}
	if err != nil {
		l.t.Logf("usher user %s: %v", id, err)
	}
	return u
}

// at returns the line of a vendor.
func (l looker) at(id, vendor string) ops.UserAtVendor {
	for _, v := range l.user(id).Vendors {
		if v.Vendor == vendor {
			return v
		}
	}
	return ops.UserAtVendor{}
}

// expect waits until the JSON has the states, and compares the command and the page.
func (l looker) expect(id string, want map[string]userState) {
	l.t.Helper()
	for vendor, w := range want {
		l.until(fmt.Sprintf("%s is %s at %s", id, w.state, vendor), func() bool { return l.at(id, vendor).State == w.state })
	}
	var text string
	l.until("the e-mail of "+id+" is known", func() (found bool) {
		out, err := l.try("user", id+"@example.org")
		text = out
		return err == nil
	})
	page := l.find(id + "@example.org")
	for vendor, w := range want {
		line := between(text, "\n"+vendor+"\t", "\n")
		row := between(page, fmt.Sprintf(`data-vendor=%q data-user-state=%q`, vendor, w.state), "</tr>")
		if !strings.HasPrefix(line, w.state) || row == "" {
			l.t.Errorf("%s at %s: got the line %q and the row %q, want %s", id, vendor, line, row, w.state)
		}
		for _, words := range w.says {
			if !strings.Contains(line, words) || !strings.Contains(row, words) {
				l.t.Errorf("%s at %s: no %q in the line %q, or in the row %q", id, vendor, words, line, row)
			}
		}
	}
	if strings.Contains(text+page, id+"@example.org") {
		l.t.Errorf("the e-mail of %s is shown", id)
	}
}

// between returns the text behind a beginning up to an end; "" without the beginning.
func between(text, begin, end string) string {
	_, rest, ok := strings.Cut("\n"+text, begin)
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, end)
	return rest
}

// TestUserFailingPausedOnHoldOutOfScopeDeadQueued has a user in six situations at once, one at each
// vendor; and a user with events that no vendor has read.
func TestUserFailingPausedOnHoldOutOfScopeDeadQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scope := courses + "vendors:\n  usermost: {scope: 'user.attributes.role == \"learner\"'}\n"
	if err := os.WriteFile(w.file, []byte(scope), 0o600); err != nil {
		t.Fatal(err)
	}
	l := looker{world: w, url: w.overHTTP()}
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken, "USHER_WORKER_RETRY_MIN=1h", "USHER_WORKER_RETRY_MAX=1h", "USHER_WORKER_HOLD_RETRY=1m")
	w.serve()
	l.browser, l.form = w.operator(l.url)
	l.nobody()
	w.must("pause", "meiro", "--for", "1h", "--as", "ann", "--reason", "moves to a new host")
	for vendor, trouble := range map[string]sandbox.Trouble{"miestro": {User: "ada@", Status: 503}, "magloft": {User: "ada@", Status: 422}, "lead": {Status: 401}} {
		if err := w.stands.SetTrouble(vendor, trouble, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"attributes":{"role":"staff"}`))
	l.expect("ada", map[string]userState{
		"miestro":  {ops.UserWaiting, []string{"1 attempt", "503", "next try"}},
		"meiro":    {ops.UserPaused, []string{"ann paused the vendor: moves to a new host", "usher resume meiro", "until"}},
		"lead":     {ops.UserOnHold, []string{"401", "usher vendors check lead", "next check"}},
		"magloft":  {ops.UserDead, []string{"422", "permanent", "usher dead replay magloft."}},
		"usermost": {ops.UserOutOfScope, []string{"the rule vendors.usermost.scope leaves the user out: user.attributes.role =="}},
	})
	if out := w.must("preview", "ada", "--vendor", "usermost"); !strings.Contains(out, `scope: create; the rule: user.attributes.role == "learner"`) {
		t.Errorf("the preview says\n%s\nwant the rule", out)
	}
	w.end()
	l.queued()
}

// queued has events that are stored and that nobody reads: three users before bob.
func (l looker) queued() {
	l.t.Helper()
	w := l.world
	w.environ = append(w.environ, "USHER_WORKER_ON=false")
	w.begin()
	w.until("the console answers", func() bool { code, _ := w.get(l.url + "/readyz"); return code == http.StatusOK })
	w.feedAll(user("u1"), user("u2"), user("u3"), user("bob"), cloudEvent(events.EnrollmentRequested, "e-bob", `{"user_id":"bob","course_id":"go-basics"}`))
	l.expect("bob", map[string]userState{
		"miestro": {ops.UserQueued, []string{"3 events of the stream come before it", "since"}},
		"meiro":   {ops.UserPaused, []string{"ann paused the vendor", "usher resume meiro"}},
	})
	l.nobody()
	if got := l.at("bob", "miestro"); got.Unread != 2 || got.Ahead != 3 || got.EventID != "c-bob" {
		l.t.Errorf("got %+v, want two events that were not read, and three before them", got)
	}
	if got := l.at("bob", "meiro"); got.Unread != 1 { // meiro has no enrolments
		l.t.Errorf("got %+v, want one event that was not read", got)
	}
	w.end()
}

// TestUserHeld has a deletion that waits for an approval.
func TestUserHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(w.file, []byte(courses+"vendors:\n  meiro: {deletions: {count: 1}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := looker{world: w, url: w.overHTTP()}
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	l.browser, l.form = w.operator(l.url)
	if _, err := w.feed(people(events.UserCreated, 1, 4), "send", "-"); err != nil {
		t.Fatal(err)
	}
	w.until("all are there", func() bool { return w.happened("--type", events.UserCreated) == 20 })
	if _, err := w.feed(people(events.UserDeleted, 1, 4), "send", "-"); err != nil {
		t.Fatal(err)
	}
	var held []ops.HeldDeletion
	w.until("meiro holds", func() bool {
		out := w.must("approve", "deletions", "--list", "--json")
		return json.Unmarshal([]byte(out), &held) == nil && len(held) > 0
	})
	l.expect(held[0].UserID, map[string]userState{
		"meiro":   {ops.UserHeld, []string{"the deletion guard holds", "delete users", "an operator approves or drops", "usher approve deletions --vendor meiro --list"}},
		"miestro": {ops.UserDone, []string{"the account is deleted"}},
	})
	w.end()
}
