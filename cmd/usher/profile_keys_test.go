package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestProfileWithoutItsKey serves with a key that does not decrypt a profile: the events of the user
// wait, and end as dead letters of class profile, that usher status tells. All other users go on. With
// the former key a replay works.
func TestProfileWithoutItsKey(t *testing.T) {
	t.Parallel()
	w := newSchools(t, learners)
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=1s")
	former, next := keyFile(t, 'a'), keyFile(t, 'b')
	serve := func(keys string) {
		w.rules(learners)
		text := string(read(t, w.file)) + "profiles: {keys: [" + keys + "]}\n"
		if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.serve()
	}
	serve(former)
	w.feedAll(personEvent(events.UserCreated, "c-ada", "ada", `,"attributes":{"role":"learner"}`))
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()

	serve(next)
	updated := personEvent(events.UserUpdated, "u-ada", "ada", `,"first_name":"Ada"`)
	if p := w.preview(updated, "-", "--vendor", "school2"); len(p) != 1 || p[0].Vendors[0].Would != "wait" || p[0].Vendors[0].Class != "profile" {
		t.Errorf("preview: got %+v, want wait, profile", p)
	}
	if rows, total, err := w.simulate("", "--vendor", "school2"); err != nil || len(rows) != 0 || total.Users != 1 || total.Counts[0].Would != "invalid" {
		t.Errorf("simulate: got %+v, %+v, %v, want one invalid user", rows, total, err)
	}
	w.feedAll(updated, personEvent(events.UserCreated, "c-eve", "eve", `,"attributes":{"role":"learner"}`))
	w.expect("c-eve", map[string]string{"school1": events.Done, "school2": events.Done})
	w.expect("u-ada", map[string]string{"school1": events.Done, "school2": events.Failed})
	dead := w.letters("--class", "profile")
	if len(dead) != 1 || dead[0].EventID != "u-ada" || dead[0].Vendor != "school2" {
		t.Fatalf("got %+v, want one dead letter of class profile", dead)
	}
	if out := w.must("dead", "show", dead[0].ID); !strings.Contains(out, "no key of profiles.keys decrypts the profile: add the former key, then replay") {
		t.Errorf("got %s", out)
	}
	if out := w.must("status"); !strings.Contains(out, "dead letters of class profile: 1") {
		t.Errorf("status: got %s", out)
	}
	w.end()

	serve(next + ", " + former)
	w.must("dead", "replay", dead[0].ID)
	w.until("the replay is carried out", func() bool { return len(w.letters("--class", "profile")) == 0 })
	for _, u := range w.stands.State().Vendors["school2"].Users {
		if u.Email == "ada@example.org" && u.Name != "Ada" {
			t.Errorf("got %+v, want the update", u)
		}
	}
	w.end()
}

// keyFile returns a file with a key.
func keyFile(t *testing.T, letter byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(letter), 32)))
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
