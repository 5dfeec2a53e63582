package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/vendors/sandbox"
)

// compared is what usher reconcile --json says, with its exit code.
func (w *world) compared(args ...string) (r reconcile.Report, code int) {
	w.t.Helper()
	out, err := w.try(append([]string{"reconcile", "--json"}, args...)...)
	if fault := json.Unmarshal([]byte(out), &r); fault != nil {
		w.t.Fatalf("%v: %s (%v)", fault, out, err)
	}
	if err != nil {
		code = cli.ExitCode(err)
	}
	return r, code
}

// found is a report in short: the differences by kind and what can be done.
func found(r reconcile.Report) map[string]int {
	by := map[string]int{}
	for _, d := range r.Differences {
		by[strings.TrimSpace(fmt.Sprint(d.Kind, " ", d.Repair))]++
	}
	return by
}

func (w *world) byHand(vendor string, d sandbox.ManualAction, emails ...string) {
	w.t.Helper()
	for _, email := range emails {
		if err := w.stands.ChangeManually(vendor, d, email); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestReconcile has 50 users everywhere, of whom two leave, and whatever people do
// by hand at the vendors then.
func TestReconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.feedAll(people(events.UserCreated, 1, 50))
	w.feedAll(people(events.UserDeleted, 49, 50))
	w.feedAll(cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"u1","course_id":"go-basics"}`),
		cloudEvent(events.EnrollmentRequested, "e2", `{"user_id":"u2","course_id":"go-basics","email":"u2@example.org"}`))
	listing := []string{"miestro", "meiro", "lead", "magloft"}
	for _, vendor := range listing {
		w.until("all is done at "+vendor, func() bool {
			s := w.stands.State().Vendors[vendor]
			enrolled := len(s.Enrollments) == 2 || vendor == "meiro" || vendor == "magloft"
			return enrolled && len(live(s)) == 48 && w.quiet()
		})
	}
	t.Run("who lists nobody", func(t *testing.T) { w.with(t).unlisted() })
	for _, vendor := range listing {
		t.Run(vendor, func(t *testing.T) { w.with(t).reconciled(vendor) })
	}
	t.Run("adoption", func(t *testing.T) { w.with(t).adopted() })
	t.Run("a repair that fails", func(t *testing.T) { w.with(t).unrepaired() })
	t.Run("all is written down", func(t *testing.T) {
		w := w.with(t)
		out := w.must("audit")
		if got := strings.Count(out, "account.repaired\t"); got != 4*4+2*2+2 { // missing and remaining, enrolments, adoption and failure
			t.Errorf("got %d repairs, want 22:\n%s", got, out)
		}
		if !strings.Contains(out, "\tticket 4711\tuser.deleted") {
			t.Errorf("got\n%s\nwant the reason", out)
		}
	})
	w.end()
}

// feedAll sends events.
func (w *world) feedAll(lines ...string) {
	w.t.Helper()
	if out, err := w.feed(strings.Join(lines, "\n"), "send", "-"); err != nil {
		w.t.Fatal(err, out)
	}
}

// quiet tells whether nothing is on its way to any vendor.
func (w *world) quiet() bool {
	s, _ := w.standing()
	for _, v := range s.Vendors {
		if v.Pending > 0 || v.Unfinished > 0 {
			return false
		}
	}
	return len(s.Vendors) == 5
}

// live is the e-mails of a vendor's accounts that are ours.
func live(s sandbox.VendorState) (emails []string) {
	for _, u := range s.Live() {
		if strings.HasPrefix(u.Email, "u") && strings.HasSuffix(u.Email, "@example.org") && !strings.HasPrefix(u.Email, "usher") {
			emails = append(emails, u.Email)
		}
	}
	slices.Sort(emails)
	return emails
}

func (w *world) unlisted() {
	if _, err := w.try("reconcile", "usermost"); err == nil || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), "usermost, as it is set here, has no call that lists its users") {
		w.t.Errorf("usermost: got %v, want an error that says so", err)
	}
	customers := *w
	customers.environ = append(slices.Clone(w.environ), "USHER_MEIRO_MODE=customers")
	if _, err := customers.try("reconcile", "meiro"); err == nil || !strings.Contains(err.Error(), "meiro, as it is set here, has no call that lists its users") {
		w.t.Errorf("Meiro's customers: got %v, want an error that says so", err)
	}
	for _, args := range []string{"", "acme", "lead --repair", "lead --max 3", "lead --repair --max 3 --rate 0"} {
		if _, err := w.try(append([]string{"reconcile"}, strings.Fields(args)...)...); err == nil || cli.ExitCode(err) != cli.ExitUsage {
			w.t.Errorf("reconcile %s: got %v, want a usage error", args, err)
		}
	}
}

func (w *world) reconciled(vendor string) {
	t := w.t
	if r, code := w.compared(vendor); code != 0 || r.Agree != 50 || !r.Same() || r.Changed > 0 {
		t.Fatalf("before: got %+v, exit code %d, want 50 in agreement", r, code)
	}
	w.byHand(vendor, sandbox.Purge, "u1@example.org", "u2@example.org", "u3@example.org")
	w.byHand(vendor, sandbox.Add, "stranger@example.org")
	w.byHand(vendor, sandbox.AddStaff, "teacher@example.org")
	w.byHand(vendor, sandbox.Restore, "u50@example.org")
	unknown := map[string]int{"miestro": 1, "lead": 1, "meiro": 2, "magloft": 2}[vendor] // two vendors do not tell who is of the staff
	want := map[string]int{"missing provision": 3, "remains delete": 1, "unknown": unknown}
	r, code := w.compared(vendor, "--emails")
	if diff := cmp.Diff(want, found(r)); diff != "" || code != cli.ExitFailed || r.Agree != 46 {
		t.Fatalf("got exit code %d, %d in agreement (-want +got)\n%s\n%+v", code, r.Agree, diff, r)
	}
	for _, d := range r.Differences {
		if d.Kind == reconcile.Missing && d.Email != d.UserID+"@example.org" {
			t.Errorf("got %+v, want the e-mail of its event", d)
		}
	}
	if out, _ := w.try("reconcile", vendor); strings.Contains(out, "u1@") || !strings.Contains(out, "missing\t") || !strings.Contains(out, "\tu…@example.org\tprovision\t") {
		t.Errorf("got\n%s\nwant no e-mail in full", out)
	}
	before := w.stands.State().Vendors[vendor].Calls
	w.must2("reconcile", vendor, "--repair", "--max", "2", "--dry-run")
	first, _ := w.try("reconcile", vendor, "--repair", "--max", "2", "--rate", "100", "--reason", "ticket 4711")
	if strings.Count(first, "sent\tmissing") != 2 {
		t.Errorf("got\n%s\nwant two sent", first)
	}
	repair := func() {
		w.try("reconcile", vendor, "--repair", "--max", "99", "--rate", "100", "--reason", "ticket 4711")
	}
	repair()
	w.until("all that can be is put right", func() bool {
		r, _ := w.compared(vendor)
		if r.OnTheWay > 0 || r.Changed > 0 || !w.quiet() {
			return false
		}
		if cmp.Equal(found(r), map[string]int{"unknown": unknown}) {
			return true
		}
		repair() // a run leaves a user whose record changes meanwhile to the next run
		return false
	})
	w.judged(vendor)
	if deletes := w.stands.State().Vendors[vendor].Calls["POST /users"] - before["POST /users"]; vendor == "miestro" && deletes != 3 {
		t.Errorf("got %d creations, want 3", deletes)
	}
}

// must2 is try where the exit code is that of differences.
func (w *world) must2(args ...string) {
	w.t.Helper()
	if _, err := w.try(args...); err == nil || cli.ExitCode(err) != cli.ExitFailed || err.Error() != "" {
		w.t.Fatalf("usher %s: got %v, want exit code 1", strings.Join(args, " "), err)
	}
}

// judged looks at what a vendor holds after the repairs.
func (w *world) judged(vendor string) {
	t := w.t
	t.Helper()
	s := w.stands.State().Vendors[vendor]
	if twins := s.Twins(); len(twins) > 0 {
		t.Errorf("%s holds double accounts: %v", vendor, twins)
	}
	var want []string
	for i := 1; i <= 48; i++ {
		want = append(want, fmt.Sprintf("u%d@example.org", i))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, live(s)); diff != "" {
		t.Errorf("%s: accounts (-want +got)\n%s", vendor, diff)
	}
	by := map[string]int{}
	for _, u := range s.Live() {
		for _, e := range s.Enrollments {
			if e.Active && e.UserID == u.ID {
				by[u.Email] += e.Applied
			}
		}
		by[u.Email] += 0
	}
	if vendor == "miestro" || vendor == "lead" {
		if by["u1@example.org"] != 1 || by["u2@example.org"] != 1 || len(s.EnrolledTwice()) > 0 {
			t.Errorf("%s: got enrolments %v, want one of each of the new accounts", vendor, s.Enrollments)
		}
	}
	if _, ok := by["stranger@example.org"]; !ok {
		t.Errorf("%s: the stranger is gone", vendor)
	}
	if _, ok := by["teacher@example.org"]; !ok {
		t.Errorf("%s: the teacher is gone", vendor)
	}
}

// adopted has a user whose creation LEAD refused, since the address was that of a
// deleted user, and whom LEAD has brought back.
func (w *world) adopted() {
	w.byHand("lead", sandbox.Add, "late@example.org")
	w.byHand("lead", sandbox.Remove, "late@example.org")
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "a1", `{"user_id":"late","email":"Late@example.org"}`))
	w.until("LEAD has refused it", func() bool { return len(w.letters()) == 1 })
	w.byHand("lead", sandbox.Restore, "late@example.org")
	w.until("one account can be adopted", func() bool { // the effect may end after its dead letter
		r, _ := w.compared("lead")
		return found(r)["unknown adopt"] == 1 && found(r)["unknown"] == 1
	})
	w.must2("reconcile", "lead", "--repair", "--max", "9", "--rate", "100")
	w.until("it is adopted", func() bool {
		r, _ := w.compared("lead")
		return found(r)["unknown"] == 1 && len(r.Differences) == 1 && r.OnTheWay == 0 && r.Changed == 0
	})
	if twins := w.stands.State().Vendors["lead"].Twins(); len(twins) > 0 {
		w.t.Errorf("LEAD holds double accounts: %v", twins)
	}
}

// unrepaired has a user whom LEAD can only restore itself.
func (w *world) unrepaired() {
	w.byHand("lead", sandbox.Remove, "u9@example.org")
	w.must2("reconcile", "lead", "--repair", "--max", "9")
	w.until("the repair has failed", func() bool { return len(w.letters()) == 1 })
	note := func() string {
		r, _ := w.compared("lead")
		i := slices.IndexFunc(r.Differences, func(d reconcile.Difference) bool { return d.Kind == reconcile.Missing })
		if i < 0 {
			return ""
		}
		return r.Differences[i].Note
	}
	w.until("the report says so", func() bool {
		return strings.HasPrefix(note(), "an earlier repair failed: usher dead show lead.")
	})
	w.byHand("lead", sandbox.Purge, "u10@example.org") // so that LEAD has a place
	w.byHand("lead", sandbox.Restore, "u9@example.org")
	w.byHand("lead", sandbox.Purge, "u9@example.org")
	w.must("dead", "replay", w.letters()[0].ID)
	w.until("the dead letter's replay repairs it", func() bool {
		r, _ := w.compared("lead")
		return found(r)["missing provision"] == 1 && r.OnTheWay == 0 && r.Changed == 0 && len(w.letters()) == 0 // u10 is left
	})
}
