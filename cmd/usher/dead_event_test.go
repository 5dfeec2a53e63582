package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/streams"
)

// serveEach starts a process for each of two vendors: in the file of each process the other vendor
// is off. stop ends both.
func (w *world) serveEach() (stop func()) {
	w.t.Helper()
	text := w.content()
	var stops []func()
	for i, off := range []string{"school1", "school2"} {
		w.write(strings.Replace(text, off+": {kind: miestro", off+": {kind: miestro, mode: off", 1))
		w.begin()
		stops = append(stops, w.stop)
		w.waitLog(`"serving"`, i+1)
	}
	w.write(text)
	return func() {
		for _, stop := range stops {
			stop()
			<-w.ended
		}
	}
}

// serveAll starts one process for all vendors. stop ends the process.
func (w *world) serveAll() (stop func()) {
	w.serve()
	return func() {
		w.stop()
		<-w.ended
	}
}

// content returns the text of the configuration file.
func (w *world) content() string {
	w.t.Helper()
	text, err := os.ReadFile(w.file)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// write replaces the configuration file.
func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// dead returns the dead letters, each as place, event and replay.
func (w *world) dead() (list []string) {
	w.t.Helper()
	for _, l := range w.letters() {
		list = append(list, fmt.Sprint(l.Vendor, " ", l.EventID, " ", l.Replay))
	}
	return list
}

// Events at fault have one dead letter each, with one process for all vendors and with one for each.
// A replay goes to all vendors.
func TestOneDeadLetterForAnEventAtFault(t *testing.T) {
	for name, serve := range map[string]func(*world) (stop func()){"one process": (*world).serveAll, "a process for each vendor": (*world).serveEach} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSchools(t, "")
			stop := serve(w)
			failed, done := map[string]string{"school1": events.Failed, "school2": events.Failed}, map[string]string{"school1": events.Done, "school2": events.Done}
			w.feedAll(user("ada"), cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"ada","course_id":"go-101"}`),
				cloudEvent(events.EnrollmentRequested, "e2", `{"user_id":"ada","course_id":"go-102"}`))
			w.raw(events.UserCreated, cloudEvent(events.UserCreated, "b1", `{"user_id":"bob"}`), "Content-Type", "application/cloudevents+json")
			w.expect("c-ada", done)
			w.expect("e1", failed)
			w.expect("e2", failed)
			w.expect("b1", failed)
			want := []string{"events e1 0", "events e2 0", "events b1 0"}
			if diff := cmp.Diff(want, w.dead()); diff != "" {
				t.Fatalf("dead letters (-want +got)\n%s", diff)
			}
			if l := w.letters()[0]; !strings.Contains(l.Message, "course go-101 is mapped nowhere") || l.User != "ada" || l.Course != "go-101" {
				t.Errorf("got %+v", l)
			}
			if out := w.must("dead", "list", "--by", "cause", "--course", "go-101"); !strings.HasPrefix(out, "invalid:course:go-101\t1\tevents\t") {
				t.Errorf("by cause: got %s", out)
			}
			if out, _ := w.try("status"); !strings.Contains(out, "events at fault, for all vendors: 3 dead letters; see usher dead list --vendor events") {
				t.Errorf("status: %s", out)
			}
			stop()
			w.write(strings.Replace(w.content(), "courses:\n", "courses:\n  go-101: {school1: 1, school2: 1}\n  go-102: {school1: 2}\n", 1))
			w.begin()
			out := w.must("dead", "replay", "--all", "--max", "9", "--dry-run")
			for _, text := range []string{"e1\twould call the vendors school1, school2", "e2\twould call the vendors school1", "b1\twould be refused again: /data/email"} {
				if !strings.Contains(out, text) {
					t.Errorf("a dry run: got\n%s\nwant %q", out, text)
				}
			}
			sent, err := w.try("dead", "replay", "--all", "--max", "9", "--vendor", streams.EventPlace, "--wait", "--json")
			var ends struct {
				Done   int
				Failed []letter
				Open   int
			}
			if json.Unmarshal([]byte(sent), &ends) != nil || ends.Done != 2 || len(ends.Failed) != 1 || ends.Open != 0 || !errors.Is(err, app.ErrSilent) {
				t.Errorf("replay --wait: got %s (%v), want two done, one failed, and exit code 1", sent, err)
			}
			w.until("the enrolments at the vendors with the courses", func() bool {
				state := w.stands.State().Vendors
				return len(state["school1"].Enrollments) == 2 && len(state["school2"].Enrollments) == 1
			})
			w.until("the event that is still at fault", func() bool { return fmt.Sprint(w.dead()) == "[events b1 1]" })
			if out := w.must("user", "ada", "--timeline"); !strings.Contains(out, "\treplay\tsent back by ") {
				t.Errorf("the timeline lacks the replay:\n%s", out)
			}
			steps := w.must("user", "bob", "--timeline")
			before, by, again := strings.Index(steps, "the event was at fault"), strings.Index(steps, "sent back by "), strings.LastIndex(steps, "failed: invalid")
			if before < 0 || by < before || again < by {
				t.Errorf("the timeline lacks the failure, the replay, or the failure of the replay, in this order:\n%s", steps)
			}
			w.until("no replay is left", func() bool {
				for range w.set().Replays.List(t.Context(), "") {
					return false
				}
				return true
			})
			if out, err := w.try("dead", "drop", "--all", "--cause", "invalid:schema:required:/data/email", "--reason", "a test"); err == nil || !strings.Contains(err.Error(), "1 dead letter would be dropped") {
				t.Errorf("drop without --yes: got %v and %s", err, out)
			}
			w.must("dead", "drop", "--all", "--cause", "invalid:schema:required:/data/email", "--reason", "a test", "--yes")
			if got := w.dead(); len(got) > 0 {
				t.Errorf("got %s after drop --all", got)
			}
			if out := w.must("results", "--json", "--event", "e2", "--vendor", "school2"); strings.Contains(out, events.Unsupported) {
				t.Errorf("a vendor that takes no part has the result %s", out)
			}
			w.end()
		})
	}
}
