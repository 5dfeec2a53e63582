package console_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// kinds returns the kinds of the recorded actions with their persons.
func (w *world) kinds() (list []string) {
	w.t.Helper()
	for a, err := range w.streams.Audit.List(w.t.Context(), streams.AuditQuery{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, a.Kind+" "+a.Who+" "+a.Vendor)
	}
	return list
}

// TestTryNow asks for a check of a vendor, on hold and not.
func TestTryNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.login(annsToken)
	if status, text := b.post("/console/vendors/lead/check"); status != http.StatusConflict || !strings.Contains(text, "is not on hold") {
		t.Errorf("without a hold: got %d", status)
	}
	since := time.Now().Add(-3 * time.Minute)
	if err := w.streams.Control.SetHold(t.Context(), "lead", streams.Hold{Since: since, At: time.Now(), Why: fairness.HoldRefused}); err != nil {
		t.Fatal(err)
	}
	if _, text := b.get("/console/vendors/lead"); !strings.Contains(text, `data-hold="lead"`) || !strings.Contains(text, "refuses the credentials (401), since 3 min ago") || !strings.Contains(text, "usher vendors check lead") {
		t.Error("the page does not say why the vendor is on hold, and what to do")
	}
	if _, text := b.get("/console/"); !strings.Contains(text, "lead on hold for 3 min") {
		t.Error("the overview does not say so")
	}
	if status, text := b.post("/console/vendors/lead/check", "reason", "the token was renewed"); status != http.StatusOK || !strings.Contains(text, "is tried now") {
		t.Errorf("got %d", status)
	}
	if got := fmt.Sprint(w.kinds()); got != "[usher.vendor.checked ann lead]" {
		t.Errorf("got %s in the audit log", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	var asked time.Time
	w.streams.Control.WatchChecks(ctx, func(all map[string]time.Time) {
		asked = all["lead"]
		cancel()
	})
	if time.Since(asked) > time.Hour {
		t.Errorf("the workers see a request of %s", asked)
	}
}

// TestHeldDeletions lists, drops and approves held deletions.
func TestHeldDeletions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	for i := range 3 {
		w.account(fmt.Sprint("u", i), func(r *record.Record) {
			r.Pending = []record.Effect{{Key: record.Key(i + 1), Type: events.UserDeleted, Scope: events.ScopeLifecycle, Registered: time.Now(), Held: true}}
		})
	}
	hold := func() {
		t.Helper()
		control, err := w.streams.Control.Records(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = deletionguard.Change(t.Context(), control, deletionguard.KeyOf("lead"), func(r *deletionguard.Record) {
			r.Held, r.Why, r.Approved = time.Now(), "20 deletions at once", time.Time{}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hold()
	b := w.login(annsToken)
	for path, want := range map[string][]string{
		"/console/":                      {"3 deletions held", `href="/console/deletions"`},
		"/console/deletions":             {"3 deletions held", "20 deletions at once", "/console/user?id=u1", `data-act="approve"`, `href="/console/deletions?vendor=lead&amp;user=u1"`},
		"/console/deletions?vendor=lead": {`data-held="lead"`},
		"/console/vendors/lead":          {"3 deletions wait for approval", `data-reason="` + ops.BacklogHeld + `"`},
	} {
		_, text := b.get(path)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s: not a word of %q", path, words)
			}
		}
	}
	if status, _ := b.post("/console/deletions", "do", "approve", "vendor", "lead"); status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: got %d", status)
	}
	_, one := b.get("/console/deletions?vendor=lead&user=u1")
	for words, want := range map[string]bool{"1 deletion held": true, `name="user" value="u1"`: true, `data-act="approve"`: true, `data-act="drop"`: false, "u2": false} {
		if strings.Contains(one, words) != want {
			t.Errorf("one user: want %q in the page: %v", words, want)
		}
	}
	if status, _ := b.post("/console/deletions", "do", "drop", "vendor", "lead", "user", "u1", "reason", "no"); status != http.StatusBadRequest {
		t.Errorf("a drop of one user: got %d", status)
	}
	if _, text := b.post("/console/deletions", "do", "approve", "vendor", "lead", "user", "u1", "reason", "asked for"); !strings.Contains(text, "of the user was approved") || !strings.Contains(text, "20 deletions at once") {
		t.Error("the deletion of one user is not approved, or the others are")
	}
	for _, step := range []struct{ do, want string }{{"drop", "were dropped"}, {"approve", "No deletion was held any more"}} {
		if status, text := b.post("/console/deletions", "do", step.do, "vendor", "lead", "reason", "the summer's clean-up"); status != http.StatusOK || !strings.Contains(text, step.want) {
			t.Errorf("%s: got %d, want %q", step.do, status, step.want)
		}
	}
	hold()
	if _, text := b.get("/console/deletions?vendor=meiro"); strings.Contains(text, `data-act="end"`) {
		t.Error("meiro: the hold of lead can be ended")
	}
	if _, text := b.post("/console/deletions", "do", "approve", "vendor", "lead", "reason", "the summer's clean-up"); !strings.Contains(text, "were approved") {
		t.Error("the deletions are not approved")
	}
	if got := fmt.Sprint(w.kinds()); got != "[usher.deletions.approved ann lead usher.deletions.dropped ann lead usher.deletions.approved ann lead]" {
		t.Errorf("got %s in the audit log", got)
	}
}

// TestHoldWithoutHeldDeletionsEnds ends a hold of all vendors after every held deletion has been decided.
func TestHoldWithoutHeldDeletionsEnds(t *testing.T) {
	t.Parallel()
	w, _ := full(t, "u1")
	control, err := w.streams.Control.Records(t.Context())
	if err == nil {
		_, err = deletionguard.Change(t.Context(), control, deletionguard.Key, func(r *deletionguard.Record) { r.Held, r.Why = time.Now(), "20 deletions at once" })
	}
	if err != nil {
		t.Fatal(err)
	}
	b := w.login(annsToken)
	for path, want := range map[string]bool{"/console/deletions": true, "/console/deletions?vendor=lead": false} {
		if _, text := b.get(path); strings.Contains(text, `data-act="end"`) != want || !strings.Contains(text, "No deletion is held") {
			t.Errorf("%s: want that the hold can be ended: %v", path, want)
		}
	}
	b.post("/console/deletions", "do", "drop", "reason", "decided")
	if _, text := b.get("/console/deletions"); strings.Contains(text, "20 deletions at once") {
		t.Error("the hold goes on")
	}
}

// TestLimitedOperator has an operator who may only replay, at another vendor.
func TestLimitedOperator(t *testing.T) {
	t.Parallel()
	w, letter := full(t, "u1")
	w.open(console.Config{People: []console.Person{{Name: "eve", Operator: true, Token: annsToken, Rights: console.Rights{Vendors: []string{"meiro"}, May: []string{"replay"}}}}})
	b := w.login(annsToken)
	before := w.actions()
	for path, pairs := range writes(letter) {
		status, text := b.post(path, pairs...)
		if status != http.StatusForbidden && !strings.Contains(text, "your rights do not include") {
			t.Errorf("%s: got %d", path, status)
		}
	}
	if got := w.actions(); got != before {
		t.Errorf("%d actions were carried out", got-before)
	}
	if _, text := b.get("/console/"); strings.Contains(text, `data-do="resume"`) {
		t.Error("the overview has buttons that do nothing")
	}
}
