package main

import (
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// readersWith starts a worker for readers of MagLoft with rules.
func readersWith(t *testing.T, rules string) *world {
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_MAGLOFT_MODE=readers")
	w.leaving(rules)
	w.serve()
	return w
}

// leaving writes the rules of MagLoft.
func (w *world) leaving(rules string) {
	w.t.Helper()
	if err := os.WriteFile(w.file, []byte("vendors:\n  magloft: {mode: readers, "+rules+"}\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// steps waits for results of an event at MagLoft, and returns outcome, reason and step of each.
func (w *world) steps(id string, n int) string {
	w.t.Helper()
	var out string
	w.until("the results of "+id, func() bool {
		out = w.must("results", "--event", id, "--vendor", "magloft")
		return strings.Count(out, "\tmagloft\t") >= n
	})
	return out
}

// TestDisableThenDelete runs the case with a grace of docs/leaving.md.
func TestDisableThenDelete(t *testing.T) {
	w := readersWith(t, "on_delete: disable, delete_after: 720h")
	w.feedAll(user("ada"), user("eve"))
	w.feedAll(cloudEvent(events.UserDeleted, "d-ada", `{"user_id":"ada"}`), cloudEvent(events.UserDeleted, "d-eve", `{"user_id":"eve"}`))
	if out := w.steps("d-ada", 1); !strings.Contains(out, "disabled") {
		t.Errorf("got\n%s", out)
	}
	w.steps("d-eve", 1)
	if out := w.must("user", "ada"); !strings.Contains(out, "\tdisabled, deleted on 20") || !strings.Contains(out, "deletes the disabled account; next try at 20") {
		t.Errorf("usher user:\n%s", out)
	}
	if out, err := w.try("forget", "ada", "--yes"); err == nil || !strings.Contains(out, "is disabled, and is deleted at 20") {
		t.Errorf("usher forget:\n%s", out)
	}

	// Eve comes back: the same reader, and the later deletion is void.
	w.feedAll(user2("eve"))
	if out := w.steps("b-eve", 1); !strings.Contains(out, "enabled") {
		t.Errorf("got\n%s", out)
	}
	if out := w.steps("d-eve", 2); !strings.Contains(out, "superseded") || !strings.Contains(out, "delete_after") {
		t.Errorf("got\n%s", out)
	}
	w.end()

	// A shorter time counts from the disabling.
	w.leaving("on_delete: disable, delete_after: 1s")
	w.serve()
	if out := w.steps("d-ada", 2); !strings.Contains(out, "delete_after: deleted") {
		t.Errorf("got\n%s", out)
	}
	for _, u := range w.stands.State().Vendors["magloft"].Users {
		if u.Deleted != (u.Email == "ada@example.org") {
			t.Errorf("got %+v, want the reader of eve alone", u)
		}
	}
	if out := w.must("user", "ada"); !strings.Contains(out, "\tdeleted\t") {
		t.Errorf("usher user:\n%s", out)
	}
	w.end()
}

// user2 is the creation of a user who comes back.
func user2(id string) string {
	return cloudEvent(events.UserCreated, "b-"+id, `{"user_id":"`+id+`","email":"`+id+`@example.org","first_name":"Ada"}`)
}
