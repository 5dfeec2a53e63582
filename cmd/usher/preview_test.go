package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// recorder keeps the changing calls in front of the stand-ins, by vendor, in the form of a preview.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	// seen is the calls of methods other than GET, without log-ins.
	seen map[string][]string
}

var passwordIn = regexp.MustCompile(`("[a-z_]*password[a-z_]*":)"[^"]*"`)

// ServeHTTP keeps a call and passes the call on.
func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	if q.Method != http.MethodGet && !strings.Contains(q.URL.Path, "login") && !strings.Contains(q.URL.Path, "token") {
		vendor := strings.Split(q.URL.Path, "/")[1]
		r.mu.Lock()
		r.seen[vendor] = append(r.seen[vendor], q.Method+" "+q.URL.EscapedPath()+query(q.URL.Query())+" "+asJSON(q.Header.Get("Content-Type"), body))
		r.mu.Unlock()
	}
	r.next.ServeHTTP(w, q)
}

func query(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// asJSON returns a body as a preview shows it: sorted, a form as an object, without passwords.
func asJSON(kind string, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	var value any
	if strings.HasPrefix(kind, "application/json") {
		_ = json.Unmarshal(body, &value)
	} else {
		form, _ := url.ParseQuery(string(body))
		fields := map[string]string{}
		for name := range form {
			fields[name] = form.Get(name)
		}
		value = fields
	}
	out, _ := json.Marshal(value)
	return passwordIn.ReplaceAllString(string(out), `$1"<password>"`)
}

// take returns the changing calls since the last take.
func (r *recorder) take() map[string][]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = map[string][]string{}
	return seen
}

// newRecorded is a world with a recorder in front of its stand-ins.
func newRecorded(t *testing.T, environ ...string) (*world, *recorder) {
	t.Helper()
	w := newWorld(t)
	r := &recorder{next: w.stands.Handler(), seen: map[string][]string{}}
	web := httptest.NewServer(r)
	t.Cleanup(web.Close)
	w.environ = append(append(w.environ, sandbox.Environ(strings.TrimPrefix(web.URL, "http://"))...), environ...)
	return w, r
}

// previewed is the JSON of usher preview for one event.
type previewed struct {
	Type    string
	Vendors []struct {
		Vendor, Would, Reason, Class, Message, Behind string
		Requests                                      []struct {
			Method, Path string
			Body         json.RawMessage
		}
	}
}

// preview previews the input, and returns the previews.
func (w *world) preview(input string, args ...string) []previewed {
	w.t.Helper()
	out, err := w.feed(input, append([]string{"preview", "--json"}, args...)...)
	if err != nil {
		w.t.Fatalf("preview: %v", err)
	}
	var found []previewed
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		w.t.Fatal(err, out)
	}
	return found
}

// adaEvents are an event of each type of one user, in an order in which each changes something.
func adaEvents() [][2]string {
	full := `"email":"ada.byron@example.org","first_name":"Adaline","last_name":"Byronson","locale":"en","time_zone":"Europe/London","phone":"+4912345678"`
	return [][2]string{
		{events.UserCreated, `{"user_id":"u-77",` + full + `}`},
		{events.UserUpdated, `{"user_id":"u-77",` + strings.Replace(full, "Byronson", "Lovelacey", 1) + `}`},
		{events.EnrollmentRequested, `{"user_id":"u-77","course_id":"go-basics","email":"ada.byron@example.org"}`},
		{events.EnrollmentCancelled, `{"user_id":"u-77","course_id":"go-basics","email":"ada.byron@example.org"}`},
		{events.ActivityTracked, `{"user_id":"u-77","name":"lesson_completed","occurred_at":"2026-09-01T08:00:00Z"}`},
		{events.UserDeleted, `{"user_id":"u-77","email":"ada.byron@example.org"}`},
		{events.UserRestored, `{"user_id":"u-77","email":"ada.byron@example.org"}`},
	}
}

// unmasked puts the values of the events back into a previewed call.
func unmasked(data, call string) string {
	var members map[string]any
	_ = json.Unmarshal([]byte(data), &members)
	for name, value := range members {
		call = strings.ReplaceAll(call, "<"+name+">", fmt.Sprint(value))
	}
	return call
}

// actions are the words of a preview for the steps of a result.
var actions = map[string]string{
	"create": "created", "adopt": "adopted", "update": "updated", "enable": "enabled", "disable": "disabled", "delete": "deleted",
	"restore": "restored", "enroll": "enrolled", "unenroll": "unenrolled", "record": "recorded", "nothing": "none",
}

// TestPreviewIsWhatServeDoes previews each type of event at each vendor, in each mode: the stand-ins
// get no changing call, and serve then sends the previewed call and publishes the previewed step.
func TestPreviewIsWhatServeDoes(t *testing.T) {
	for _, modes := range [][]string{{"USHER_MEIRO_MODE=operators", "USHER_MAGLOFT_MODE=clients"}, {"USHER_MEIRO_MODE=customers", "USHER_MAGLOFT_MODE=readers"}} {
		t.Run(modes[0], func(t *testing.T) {
			w, calls := newRecorded(t, modes...)
			w.serve()
			compared := map[string]int{}
			for i, e := range adaEvents() {
				line := cloudEvent(e[0], fmt.Sprint("e", i), e[1])
				before := fmt.Sprint(w.atVendors())
				found := w.preview(line, "-")
				if after := fmt.Sprint(w.atVendors()); after != before {
					t.Fatalf("%s: the preview changed a stand-in from\n%s to\n%s", e[0], before, after)
				}
				if seen := calls.take(); len(seen) > 0 {
					t.Fatalf("%s: the preview made changing calls: %v", e[0], seen)
				}
				w.feedAll(line)
				w.until("the results of "+e[0], func() bool { return len(w.outcomes(fmt.Sprint("e", i))) >= w.takePart(found) })
				compared[e[0]] += w.compare(e, found, calls.take(), w.resultsOf(fmt.Sprint("e", i)))
			}
			for _, e := range adaEvents() {
				if compared[e[0]] == 0 {
					t.Errorf("%s: no call was compared", e[0])
				}
			}
			w.end()
		})
	}
}

// atVendors are the states of all stand-ins, without look-ups.
func (w *world) atVendors() (all []any) {
	for _, name := range []string{"miestro", "meiro", "lead", "magloft", "usermost"} {
		state, calls := written(w.stands, name)
		all = append(all, state, calls)
	}
	return all
}

// takePart returns how many vendors have a result for an event.
func (w *world) takePart(found []previewed) (n int) {
	for _, v := range found[0].Vendors {
		if v.Would != "ignore" {
			n++
		}
	}
	return n
}

// resultsOf returns the outcomes and the steps of the results of an event, by vendor.
func (w *world) resultsOf(id string) map[string]events.Result {
	found := map[string]events.Result{}
	for line := range strings.Lines(w.must("results", "--json", "--event", id)) {
		e, err := events.Parse([]byte(line))
		var r events.Result
		if err == nil {
			err = json.Unmarshal(e.Data(), &r)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		found[r.Vendor] = r
	}
	return found
}

// compare compares a preview with the calls and the results of serve, and returns the number of
// compared calls.
func (w *world) compare(e [2]string, found []previewed, calls map[string][]string, results map[string]events.Result) (compared int) {
	w.t.Helper()
	for _, v := range found[0].Vendors {
		r, has := results[v.Vendor]
		switch {
		case v.Would == "ignore":
			if has {
				w.t.Errorf("%s at %s: previewed as ignored, got %+v", e[0], v.Vendor, r)
			}
			continue
		case v.Would == "unsupported":
			if r.Outcome != events.Unsupported {
				w.t.Errorf("%s at %s: previewed as unsupported, got %+v", e[0], v.Vendor, r)
			}
		case actions[v.Would] == "" || r.Action != actions[v.Would]:
			w.t.Errorf("%s at %s: previewed %+v, got %+v", e[0], v.Vendor, v, r)
		}
		if len(v.Requests) == 0 && len(calls[v.Vendor]) > 0 {
			w.t.Errorf("%s at %s: no call is previewed, got %v", e[0], v.Vendor, calls[v.Vendor])
		}
		for _, q := range v.Requests {
			want := unmasked(e[1], q.Method+" "+q.Path+" "+canonical(string(q.Body)))
			if !slices.ContainsFunc(calls[v.Vendor], func(call string) bool { return sameCall(call, want) }) {
				w.t.Errorf("%s at %s: previewed\n%s, got\n%s", e[0], v.Vendor, want, strings.Join(calls[v.Vendor], "\n"))
			}
			compared++
		}
	}
	return compared
}

// sameCall compares a call below the address of a vendor with a previewed call.
func sameCall(got, want string) bool {
	method, rest, _ := strings.Cut(want, " ")
	path, body, _ := strings.Cut(rest, " ")
	return strings.HasPrefix(got, method+" ") && strings.HasSuffix(got, path+" "+body)
}

// canonical returns a JSON text as json.Marshal writes it.
func canonical(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	out, _ := json.Marshal(value)
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(out))
}

func TestPreviewMasksPersonalValues(t *testing.T) {
	w, _ := newRecorded(t)
	w.serve()
	out, err := w.feed(cloudEvent(events.UserCreated, "e", `{"user_id":"u1","email":"Ada.Byron@Example.org","first_name":"Ada","last_name":"Byronson","phone":"+4912345678","attributes":{"team":"Reds"}}`), "preview", "-")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"Byron", "byron", "12345678", "Reds"} {
		if strings.Contains(out, value) {
			t.Errorf("%s is shown:\n%s", value, out)
		}
	}
	if !strings.Contains(out, `"email":"<email>"`) || !strings.Contains(out, "<first_name> <last_name>") || strings.Count(out, "\tcreate\t") != 5 {
		t.Errorf("got\n%s", out)
	}
	w.end()
}

func TestPreviewOfAFileAndOfAUser(t *testing.T) {
	w := newSchools(t, learners)
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"first_name":"Ada","attributes":{"role":"staff"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Skipped})
	file := filepath.Join(t.TempDir(), "events")
	lines := personEvent(events.UserUpdated, "u-ada", "ada", `,"attributes":{"role":"learner"}`) + "\n" +
		cloudEvent(events.EnrollmentRequested, "n-ada", `{"user_id":"ada","course_id":"only","email":"ada@example.org"}`)
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range append(w.preview("", file), w.preview("", "ada")...) {
		for _, v := range e.Vendors {
			got[e.Type+" "+v.Vendor] += strings.Join(strings.Fields(v.Would+" "+v.Reason+" "+v.Behind), " ") + "; "
		}
	}
	want := map[string]string{
		"user.updated school1": "update; update; ", "user.updated school2": "create; skip scope; ", "user.created school2": "skip scope; ",
		"enrollment.requested school1": "ignore; ", "enrollment.requested school2": "depends u-ada; ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, bad := range [][]string{{"preview", "nobody"}, {"preview", "none.json"}, {"preview", "ada", "--vendor", "x"}, {"preview", " "}} {
		if out, err := w.try(bad...); err == nil {
			t.Errorf("%v: got %s, want an error", bad, out)
		}
	}
	if _, err := w.feed(`{"specversion":"1.0"}`, "preview", "-"); err == nil || !strings.Contains(err.Error(), "nothing was previewed") {
		t.Errorf("an invalid event: %v", err)
	}
	w.end()
}

// TestDryRunKnowsTheRules checks that a dry run of a replay judges by the rules of the file.
func TestDryRunKnowsTheRules(t *testing.T) {
	w := newSchools(t, learners)
	w.serve()
	w.feedAll(user("ada"))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Failed})
	for rules, want := range map[string]string{
		learners:                           "would be refused again: /: rule: rule scope: cannot be evaluated",
		`, scope: 'user.user_id == "eve"'`: "would be skipped, by the rule scope",
		`, may: [update]`:                  "would be skipped, by the rule may",
		"":                                 "would call the vendor",
	} {
		w.rules(rules)
		if out := w.must("dead", "replay", "--all", "--max", "1", "--dry-run"); !strings.Contains(out, want) {
			t.Errorf("%s: got %s, want %s", rules, out, want)
		}
	}
	w.end()
}
