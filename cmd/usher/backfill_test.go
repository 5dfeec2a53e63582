package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestResync sends a user again after a change of the rules, and behind a newer event.
func TestResync(t *testing.T) {
	w := newSchools(t, "")
	w.serve()
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"first_name":"Ada","last_name":"Byron"`),
		personEvent(events.UserUpdated, "u-ada", "ada", `,"first_name":"Adaline"`))
	w.expect("u-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
	w.rules(`, map: {last_name: user.last_name.upperAscii()}`)
	w.serve()
	out := w.must("resync", "ada", "--vendor", "school2", "--reason", "new rule")
	id := strings.Split(out, "\t")[2]
	w.expect(id, map[string]string{"school2": events.Done})
	w.name("school2", "Adaline BYRON")
	if strings.Count(out, "\n") != 1 || !strings.Contains(w.must("audit"), "user.resynced") {
		t.Errorf("got %s, and the audit log %s", out, w.must("audit"))
	}
	w.end()

	// The data of the resync is older than an event that is stored first or last: the event wins.
	w.feedAll(personEvent(events.UserUpdated, "u2-ada", "ada", `,"first_name":"Countess"`))
	out = w.must("resync", "ada", "--vendor", "school2")
	w.serve()
	w.expect("u2-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.until("the result of the resync", func() bool { return len(w.outcomes(strings.Split(out, "\t")[2])) == 1 })
	w.name("school2", "Countess BYRON")

	w.feedAll(personEvent(events.UserDeleted, "d-ada", "ada", ""))
	w.expect("d-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	for user, want := range map[string]string{"ada": "was deleted", "nobody": "no data of this user"} {
		if _, err := w.try("resync", user); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", user, err, want)
		}
	}
	w.end()
}

// TestBackfill provisions a list of users at one vendor, again and again.
func TestBackfill(t *testing.T) {
	w := newSchools(t, "")
	w.serve()
	w.feedAll(user("ada"), user("old"), cloudEvent(events.UserDeleted, "d-old", `{"user_id":"old"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.expect("d-old", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
	file := filepath.Join(t.TempDir(), "users.jsonl")
	lines := []string{`{"user_id":"ada","email":"ada@example.org"}`, `{"user_id":"bob","email":"bob@example.org","first_name":"Bob"}`, `{"user_id":"old","email":"old@example.org"}`}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	backfill := func(want string, more ...string) {
		t.Helper()
		if out, err := w.try(append([]string{"backfill", "school2", "--file", file}, more...)...); err != nil || out != want {
			t.Errorf("got %v %s, want %s", err, out, want)
		}
	}
	backfill("school2: 3 users; 1 would be sent, 1 with an account or an event in progress, 1 deleted, 0 invalid\n", "--dry-run")
	backfill("school2: 3 users; 1 sent, 1 with an account or an event in progress, 1 deleted, 0 invalid\n")
	backfill("school2: 3 users; 1 sent, 1 with an account or an event in progress, 1 deleted, 0 invalid\n") // as after an interrupt
	w.serve()
	w.until("the account of bob", func() bool { return strings.Contains(w.must("results", "--user", "bob"), "created") })
	backfill("school2: 3 users; 0 sent, 2 with an account or an event in progress, 1 deleted, 0 invalid\n")
	if got := w.must("results", "--user", "bob"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "school2") {
		t.Errorf("got\n%s, want one result at school2", got)
	}
	if !strings.Contains(w.must("user", "bob"), "user.created") || !strings.Contains(w.must("audit"), "user.backfilled") {
		t.Errorf("got %s %s", w.must("user", "bob"), w.must("audit"))
	}
	w.feedAll(cloudEvent(events.UserDeleted, "d-bob", `{"user_id":"bob"}`))
	w.until("the deletion of bob", func() bool { return w.outcomes("d-bob")["school2"] == events.Done })
	backfill("school2: 3 users; 0 sent, 1 with an account or an event in progress, 2 deleted, 0 invalid\n")
	if live := len(w.stands.State().Vendors["school2"].Live()); live != 1 || w.users("school1") != 2 {
		t.Errorf("got %d accounts at school2, %d at school1", live, w.users("school1"))
	}
	if out, err := w.feed(`{"user_id":"eve"}`, "backfill", "school2", "--file", "-"); err == nil || !strings.Contains(out, "0 sent") || !strings.Contains(out, "1 invalid") {
		t.Errorf("an invalid user: %v %s", err, out)
	}
	w.end()
}
