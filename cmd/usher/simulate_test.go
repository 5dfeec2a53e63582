package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// simulated is a row of usher simulate --list --json, or the counts behind the rows.
type simulated struct {
	UserID string `json:"user_id"`
	Vendor string
	Would  string
	Reason string

	Users, Removed, Conflicts int
	Counts                    []struct {
		Vendor, Would, Reason string
		Users                 int
	}
}

// simulate returns the rows and the counts of a simulation, and the error of the command.
func (w *world) simulate(input string, args ...string) (rows []simulated, total simulated, err error) {
	w.t.Helper()
	out, err := w.feed(input, append([]string{"simulate", "--list", "--json"}, args...)...)
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var one simulated
		if err := d.Decode(&one); err != nil {
			w.t.Fatal(err, out)
		}
		if one.UserID == "" {
			return rows, one, err
		}
		rows = append(rows, one)
	}
	return rows, total, err
}

// school stores users of two roles, of no role, with one e-mail, and a deleted one, and ends serve.
func (w *world) school() (users []string) {
	w.serve()
	var lines []string
	add := func(id, email, more string) {
		users = append(users, id)
		lines = append(lines, cloudEvent(events.UserCreated, "c-"+id, `{"user_id":"`+id+`","email":"`+email+`@example.org"`+more+`}`))
	}
	for n := range 4 {
		add(fmt.Sprint("learner", n), fmt.Sprint("learner", n), `,"first_name":"L","attributes":{"role":"learner","team":"red"}`)
		add(fmt.Sprint("staff", n), fmt.Sprint("staff", n), `,"attributes":{"role":"staff","team":"blue"}`)
	}
	add("twin", "staff0", `,"attributes":{"role":"staff"}`)
	add("odd", "odd", ``)
	add("left", "left", `,"attributes":{"role":"learner"}`)
	lines = append(lines, cloudEvent(events.UserDeleted, "d-left", `{"user_id":"left"}`))
	w.feedAll(lines...)
	w.until("all results", func() bool {
		return strings.Count(w.must("results", "--json"), "\n") >= 2*len(lines)
	})
	w.end()
	return users
}

// TestSimulationIsWhatServeDoes simulates other rules, and then lets serve send every user again under
// the rules: each user has the predicted step.
func TestSimulationIsWhatServeDoes(t *testing.T) {
	t.Parallel()
	w := newSchools(t, `, scope: 'user.?attributes.role.orValue("") == "learner"'`)
	users := w.school()
	w.rules(`, scope: 'user.attributes.role == "staff" || user.user_id == "learner0"', map: {last_name: 'user.?attributes.team.orValue("")'}`)
	rows, total, err := w.simulate("")
	if cli.ExitCode(err) != cli.ExitFindings || total.Users != len(users) || total.Conflicts == 0 || total.Removed != 0 {
		t.Fatalf("got %v, %+v", err, total)
	}
	counts := map[string]int{}
	for _, r := range rows {
		counts[strings.Join([]string{r.Vendor, r.Would, r.Reason}, " ")]++
	}
	for _, c := range total.Counts {
		if c.Reason == "deleted" && c.Users == 1 {
			continue // not listed
		}
		counts[strings.Join([]string{c.Vendor, c.Would, c.Reason}, " ")] -= c.Users
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	if len(counts) > 0 {
		t.Errorf("the counts differ from the list: %v", counts)
	}
	w.serve()
	want := map[string]string{}
	for _, r := range rows {
		want[r.UserID+" "+r.Vendor] = strings.Join(strings.Fields(r.Would+" "+r.Reason), " ")
	}
	got := map[string]string{}
	for i, r := range rows { // in the order of the simulation: the first of two users with one e-mail wins
		if i == 0 || rows[i-1].UserID != r.UserID {
			w.again1(r.UserID, got)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-simulated +done)\n%s", diff)
	}
	w.end()
}

// TestSimulationCountsRemovals simulates a scope that users leave: removed counts the accounts that
// on_leave takes away, and serve then takes away just these.
func TestSimulationCountsRemovals(t *testing.T) {
	t.Parallel()
	const staff = `, scope: 'user.?attributes.role.orValue("") == "staff"'`
	w := newSchools(t, learners)
	w.school()
	for more, want := range map[string]struct {
		removed       int
		would, reason string
	}{
		"":                                          {0, "skip", "scope"},
		", on_leave: keep":                          {0, "skip", "scope"},
		", on_leave: delete":                        {4, "delete", "scope"},
		", on_leave: delete, may: [update]":         {0, "skip", "may"},
		", on_leave: delete, mode: shadow":          {0, "skip", "shadow"},
		", on_leave: delete, on_delete: keep":       {4, "delete", "scope"},
		", on_leave: delete, deletions: {count: 1}": {4, "delete", "scope"},
	} {
		w.rules(staff + more)
		rows, total, err := w.simulate("", "--vendor", "school2")
		got := 0
		for _, r := range rows {
			if strings.HasPrefix(r.UserID, "learner") && r.Would == want.would && r.Reason == want.reason {
				got++
			}
		}
		if findings := cli.ExitCode(err) == cli.ExitFindings; total.Removed != want.removed || got != 4 || !findings && want.removed > 0 {
			t.Errorf("%s: got %d removed, %d learners with %q %q, %v", more, total.Removed, got, want.would, want.reason, err)
		}
	}
	w.rules(staff + ", on_leave: delete")
	w.serve()
	got := map[string]string{}
	for _, user := range []string{"learner0", "learner1", "learner2", "learner3", "staff1"} {
		w.again1(user, got)
	}
	want := map[string]string{"staff1 school2": "create"}
	for n := range 4 {
		want[fmt.Sprintf("learner%d school2", n)] = "delete"
	}
	maps.DeleteFunc(got, func(key, _ string) bool { return strings.HasSuffix(key, " school1") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.end()
}

// again1 sends a user again, and adds the step of the first event at each vendor in the words of a
// simulation.
func (w *world) again1(id string, got map[string]string) {
	w.t.Helper()
	out := w.must("resync", id, "--json")
	var sent []struct {
		Vendor  string
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal([]byte(out), &sent); err != nil {
		w.t.Fatal(err, out)
	}
	for _, s := range sent {
		w.until("the result of "+s.EventID, func() bool { return len(w.resultsOf(s.EventID)) == 1 })
		if got[id+" "+s.Vendor] == "" {
			got[id+" "+s.Vendor] = simulatedWord(w.resultsOf(s.EventID)[s.Vendor])
		}
	}
}

// simulatedWord returns the word of a simulation for a result.
func simulatedWord(r events.Result) string {
	switch {
	case r.Outcome == events.Skipped:
		return "skip " + r.Reason
	case r.Error != nil && r.Error.Class == "conflict":
		return "conflict"
	case r.Error != nil:
		return "fail " + r.Error.Class
	}
	for word, action := range actions {
		if action == r.Action {
			return word
		}
	}
	return r.Outcome
}

func TestSimulateAFileAndFaults(t *testing.T) {
	w := newSchools(t, learners)
	w.serve()
	w.end()
	if _, err := w.try("simulate"); err == nil || !strings.Contains(err.Error(), "there are no profiles") {
		t.Errorf("without profiles: %v", err)
	}
	users := `{"user_id":"a","email":"a@example.org","attributes":{"role":"learner"}}` + "\n\n" +
		`{"user_id":"b","email":"a@example.org","attributes":{"role":"learner"}}` + "\n" + `{"user_id":"c"}`
	rows, total, err := w.simulate(users, "--from", "-", "--vendor", "school2")
	var got []string
	for _, r := range rows {
		got = append(got, r.UserID+" "+r.Would)
	}
	if diff := cmp.Diff([]string{"a create", "b conflict", "c invalid"}, got); diff != "" || cli.ExitCode(err) != cli.ExitFindings || total.Conflicts != 1 {
		t.Errorf("%v %+v (-want +got)\n%s", err, total, diff)
	}
	if _, err := w.feed("ada\n", "simulate", "--from", "-"); err == nil || !strings.Contains(err.Error(), "line 1: want a JSON object") {
		t.Errorf("no JSON: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("# rules\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--config", empty, "simulate"}, {"--config", empty + "x", "plan"}, {"plan", "--old", empty}} {
		if _, err := w.try(args...); cli.ExitCode(err) != cli.ExitUsage || errors.Is(err, nil) {
			t.Errorf("%v: got %v, want a usage error", args, err)
		}
	}
}

// TestPlan compares two configurations for all users.
// withoutProfile adds records of users from before the first rule, and wants their number.
func (w *world) withoutProfile(t *testing.T, old string) {
	t.Helper()
	accounts, err := recordstore.Open(t.Context(), w.set().Client, streams.AccountsBucket)
	for n := range 40 {
		if err == nil {
			err = accounts.Change(t.Context(), record.AccountKey("school1", fmt.Sprint("former", n)), func(r *record.Record) { r.AccountID = "a" })
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"plan", "--old", old}, {"simulate"}} {
		out, err := w.try(append(command, "--json")...)
		if want := regexp.MustCompile(`"without_profile": [34]\d`); !want.MatchString(out) {
			t.Errorf("%s: got %v and\n%s\nwant the users without a profile", command[0], err, out)
		}
	}
}

func TestPlan(t *testing.T) {
	w := newSchools(t, learners)
	w.school()
	old := filepath.Join(t.TempDir(), "old.yaml")
	text, err := os.ReadFile(w.file)
	if err == nil {
		err = os.WriteFile(old, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := w.try("plan", "--old", old); err != nil || !strings.Contains(out, "0 leave a scope") {
		t.Errorf("no difference: %v %s", err, out)
	}
	w.rules(`, scope: 'user.attributes.role == "staff" || user.user_id == "learner0"', map: {last_name: 'user.?attributes.team.orValue("")'}`)
	out, err := w.try("plan", "--old", old)
	if cli.ExitCode(err) != cli.ExitFindings {
		t.Errorf("got %v, want exit code %d", err, cli.ExitFindings)
	}
	for _, want := range []string{
		"vendors.school2.scope\t", "school2\tenters\t\t5\n", "school2\tleaves\t\t3\n", "school2\tchanges\t\t1\n", "school2\tchanges\tlast_name\t1\n",
		"school2\tfails\t\t1\n", "11 users; 3 leave a scope\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s, want %q", out, want)
		}
	}
	if out, _ := w.try("plan", "--old", old, "--list"); !strings.Contains(out, "learner1\tschool2\tleaves\t\n") || strings.Contains(out, "example.org") {
		t.Errorf("got\n%s", out)
	}
	if out, _ := w.try("plan", "--old", old, "--json"); strings.Contains(out, "without_profile") {
		t.Errorf("got\n%s\nwant no user without a profile", out)
	}
	w.withoutProfile(t, old)
}
