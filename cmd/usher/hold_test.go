package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

// happened counts the results that usher results prints for these flags.
func (w *world) happened(flags ...string) int {
	out, err := w.try(append([]string{"results", "--json"}, flags...)...)
	if err != nil {
		return 0
	}
	return strings.Count(out, "\n")
}

// TestVendorOnHoldUntilSecretIsFixed mends a secret in its file while serve
// runs. Until then the vendor is on hold, and all who may be asked say so: the
// metric that alerts, usher status, and the console.
func TestVendorOnHoldUntilSecretIsFixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	secret := filepath.Join(t.TempDir(), "miestro.secret")
	put := func(text string) {
		if err := os.WriteFile(secret, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(sandbox.WrongCredential)
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_MIESTRO_API_SECRET=") })
	w.environ = append(w.environ, "USHER_MIESTRO_API_SECRET_FILE="+secret, "USHER_WORKER_HOLD_RETRY=300ms", "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	browser, _ := w.operator(url)
	if _, err := w.feed(people(events.UserCreated, 1, 5), "send", "-"); err != nil {
		t.Fatal(err)
	}
	w.until("the other vendors have all five", func() bool { return w.happened("--type", events.UserCreated) == 20 })
	w.until("Miestro is on hold", func() bool { return strings.Contains(w.log.String(), "vendor on hold") })
	if got := w.happened("--vendor", "miestro"); got != 0 {
		t.Errorf("got %d results of a vendor that refuses us, want none", got)
	}
	w.held(url, browser, true)
	put(sandbox.MiestroAPISecret)
	w.until("Miestro has all five", func() bool { return w.happened("--vendor", "miestro", "--outcome", events.Done) == 5 })
	w.held(url, browser, false)
	if dead := w.must("dead", "list", "--json"); strings.TrimSpace(dead) != "[]" {
		t.Errorf("got dead letters %s, want none", dead)
	}
	w.end()
}

// held waits until the metric, usher status and the console say of Miestro that it
// is on hold, or that it is not.
func (w *world) held(url string, browser *http.Client, want bool) {
	w.t.Helper()
	metric, state, code := `usher_vendor_on_hold{vendor="miestro"} 0`, ops.Serving, 0
	if want {
		metric, state, code = `usher_vendor_on_hold{vendor="miestro"} 1`, ops.OnHold, 1
	}
	w.until("/metrics says "+metric, func() bool { _, text := w.get(url + "/metrics"); return strings.Contains(text, metric) })
	w.until("usher status says "+state, func() bool { s, got := w.standing(); return at(s, "miestro").State == state && got == code })
	card := fmt.Sprintf(`data-vendor="miestro" data-state=%q`, state)
	w.until("the console has "+card, func() bool { return strings.Contains(w.page(browser, http.MethodGet, url+"/console/", nil), card) })
}

// people is an event for each of some users, one a line.
func people(kind string, from, to int) string {
	var lines strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&lines, `{"specversion":"1.0","id":"%s-%d","source":"/school","type":"%s","time":"2026-09-01T08:%02d:00Z","data":{"user_id":"u%d","email":"u%d@example.org"}}`+"\n", kind, i, kind, i%60, i, i)
	}
	return lines.String()
}

// approveOne approves the first held deletion, and waits for its end. Others stay on hold.
func (w *world) approveOne() {
	w.t.Helper()
	list := func() (held []ops.HeldDeletion) {
		if err := json.Unmarshal([]byte(w.must("approve", "deletions", "--list", "--json")), &held); err != nil {
			w.t.Fatal(err)
		}
		return held
	}
	one := list()[0]
	if out := w.must("approve", "deletions", "--vendor", one.Vendor, "--user", one.UserID, "--reason", "asked for"); !strings.Contains(out, "the others stay on hold") {
		w.t.Errorf("got %q, want that one goes on", out)
	}
	w.until("the approved one is made", func() bool { return !slices.Contains(list(), one) })
	if len(list()) == 0 {
		w.t.Error("got an empty list, want that the others are held")
	}
	if out := w.must("audit"); !strings.Contains(out, one.Vendor+"."+record.Digest(one.UserID)) {
		w.t.Errorf("got the audit log\n%s\nwant the approval of one user", out)
	}
}

// TestDeletionsAreHeld publishes more deletions than are usual, twice.
func TestDeletionsAreHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_DELETIONS_COUNT=5", "USHER_WORKER_HOLD_RETRY=300ms")
	w.serve()
	const created, deleted = 21, 10
	publish := func(kind string, from, to int) {
		t.Helper()
		if _, err := w.feed(people(kind, from, to), "send", "-"); err != nil {
			t.Fatal(err)
		}
	}
	gone := func() int { return w.happened("--type", events.UserDeleted, "--outcome", events.Done) }
	publish(events.UserCreated, 1, created)
	w.until("all are there", func() bool { return w.happened("--type", events.UserCreated) == 5*created })

	publish(events.UserDeleted, 1, deleted)
	w.until("deletions are on hold", func() bool { return strings.Contains(w.log.String(), "deletions are on hold") })
	w.until("the list has those that are held", func() bool {
		return strings.Contains(w.must("approve", "deletions", "--list"), "\tlead\t20") && strings.Contains(w.must("approve", "deletions", "--list", "--json"), `"vendor": "lead"`)
	})
	if text, _ := w.try("status"); !strings.Contains(text, "deletions are on hold since") {
		t.Errorf("usher status says\n%s\nwant that deletions are on hold", text)
	}
	w.approveOne()
	if got := gone(); got >= 4*deleted {
		t.Errorf("got all %d deletions, want that some are held", got)
	}
	if out := w.must("approve", "deletions", "--for", "1ms", "--reason", "a test"); !strings.Contains(out, "delete users") {
		t.Errorf("got %q, want why they were held", out)
	}
	w.until("all approved ones are made", func() bool { return w.happened("--type", events.UserDeleted) == 5*deleted })

	if out := w.must("approve", "deletions", "--list"); out != "" {
		t.Errorf("got the list\n%s\nafter all were made", out)
	}

	if got := strings.Count(w.log.String(), "deletions are on hold"); got != 1 {
		t.Errorf("the log has the hold %d times, want once", got)
	}

	publish(events.UserDeleted, deleted+1, 2*deleted)
	w.until("some of the others are held", func() bool { return strings.Contains(w.must("approve", "deletions", "--list"), "\tlead\t") })
	if out := w.must("approve", "deletions", "--vendor", "lead", "--drop", "--reason", "a test"); !strings.Contains(out, "the hold of all vendors goes on") {
		t.Errorf("got %q, want that the other deletions stay held", out)
	}
	w.until("those of one vendor end under the hold of all", func() bool { return !strings.Contains(w.must("approve", "deletions", "--list"), "\tlead\t") })
	w.must("approve", "deletions", "--vendor", "meiro", "--for", "1h", "--reason", "a test")
	would := map[string]string{"lead": ops.WouldWait, "meiro": ops.WouldDelete}
	for _, p := range w.preview(people(events.UserDeleted, created, created), "-")[0].Vendors {
		if want, ok := would[p.Vendor]; ok && p.Would != want {
			t.Errorf("the preview says %q at %s, want %q", p.Would, p.Vendor, want)
		}
	}
	w.until("the others are dropped", func() bool {
		return strings.Contains(w.must("approve", "deletions", "--drop", "--reason", "a test", "--json"), "delete users")
	})
	w.until("all have come to an end", func() bool { return w.happened("--type", events.UserDeleted) == 5*2*deleted })
	dropped := strings.Count(w.must("dead", "list", "--json", "--class", "dropped"), `"id"`)
	if failed := w.happened("--type", events.UserDeleted, "--outcome", events.Failed); dropped == 0 || dropped != failed {
		t.Errorf("got %d dead letters and %d failures, want one for each that was dropped", dropped, failed)
	}
	w.must("approve", "deletions", "--for", "1h", "--reason", "a test")
	w.must("dead", "replay", "--all", "--max", "100", "--class", "dropped", "--reason", "a test", "--wait")
	if left := w.must("dead", "list", "--json", "--class", "dropped"); strings.Contains(left, `"id"`) {
		t.Errorf("a dropped deletion cannot be sent back:\n%s", left)
	}
	if out := w.must("audit", "--json"); !strings.Contains(out, "usher.deletions.approved") || !strings.Contains(out, "usher.deletions.dropped") {
		t.Errorf("got %s, want both actions written down", out)
	}
	w.end()
}

// TestApproveWithoutHold approves where there is nothing to approve,
// then in advance, and ends that.
func TestApproveWithoutHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.until("serve has its bucket", func() bool { _, err := w.try("approve", "deletions"); return err == nil })
	steps := []struct {
		flags    []string
		want     string
		approved bool // from then on, as usher status says
	}{
		{nil, "no deletion is on hold, and nothing was changed", false},
		{[]string{"--drop"}, "nothing was dropped", false},
		{[]string{"--end"}, "no approval is in force", false},
		{[]string{"--for", "20m"}, "none is held until", true},
		{[]string{"--end"}, "held again", false},
	}
	for _, step := range steps {
		if out := w.must(append([]string{"approve", "deletions"}, step.flags...)...); !strings.Contains(out, step.want) {
			t.Errorf("%v: got %q, want %q in it", step.flags, out, step.want)
		}
		now, _ := w.standing()
		if text, _ := w.try("status"); (now.Approved != nil) != step.approved || strings.Contains(text, "none is held until") != step.approved {
			t.Errorf("%v: got %v and\n%s\nwant that none is held: %v", step.flags, now.Approved, text, step.approved)
		}
	}
	if got := strings.Count(w.must("audit"), "deletions.approved"); got != 2 {
		t.Errorf("got %d actions written down, want the two that changed something", got)
	}
	w.end()
}

// TestDeletionsAreHeldAtOneVendor publishes more deletions than one vendor allows. A person drops
// some deletions there, and approves others; the other vendors go on.
func TestDeletionsAreHeldAtOneVendor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(w.file, []byte(courses+"vendors:\n  meiro: {deletions: {count: 5}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_WORKER_HOLD_RETRY=300ms", "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	browser, _ := w.operator(url)
	const created, deleted = 20, 10
	publish := func(kind string, from, to int) {
		t.Helper()
		if _, err := w.feed(people(kind, from, to), "send", "-"); err != nil {
			t.Fatal(err)
		}
	}
	list := func(flags ...string) (held []ops.HeldDeletion) {
		t.Helper()
		if err := json.Unmarshal([]byte(w.must(append([]string{"approve", "deletions", "--list", "--json"}, flags...)...)), &held); err != nil {
			t.Fatal(err)
		}
		return held
	}
	publish(events.UserCreated, 1, created)
	w.until("all are there", func() bool { return w.happened("--type", events.UserCreated) == 5*created })

	publish(events.UserDeleted, 1, deleted)
	w.until("the other vendors go on", func() bool { return w.happened("--type", events.UserDeleted) >= 4*deleted })
	w.until("meiro holds", func() bool {
		s, code := w.standing()
		return at(s, "meiro").Deletions != nil && s.Deletions == nil && code != 0
	})
	w.until("the list has those that are held", func() bool { return len(list("--vendor", "meiro")) > 0 })
	for _, h := range list() {
		if h.Vendor != "meiro" || h.Type != events.UserDeleted || !strings.HasPrefix(h.UserID, "u") {
			t.Errorf("got %+v, want users at meiro only", h)
		}
	}
	if held := list("--vendor", "lead"); len(held) != 0 {
		t.Errorf("got %+v at lead", held)
	}
	if text, _ := w.try("status"); !strings.Contains(text, "deletions at meiro are on hold since") {
		t.Errorf("usher status says\n%s", text)
	}
	w.until("the console shows the hold", func() bool {
		page := w.page(browser, http.MethodGet, url+"/console/", nil)
		return strings.Count(page, `data-deletions="held"`) == 1 && strings.Contains(page, `/console/deletions?vendor=meiro`)
	})
	if out := w.must("approve", "deletions", "--vendor", "lead", "--drop"); !strings.Contains(out, "no deletion is on hold at lead") {
		t.Errorf("got %q", out)
	}
	if out := w.must("approve", "deletions", "--vendor", "meiro", "--for", "1ms", "--reason", "a test"); !strings.Contains(out, "deletions at meiro were on hold") {
		t.Errorf("got %q, want why they were held", out)
	}
	w.until("all approved ones are made", func() bool { return w.happened("--type", events.UserDeleted) == 5*deleted })

	publish(events.UserDeleted, deleted+1, 2*deleted)
	w.until("some of the others are held", func() bool { return len(list()) > 0 })
	w.must("approve", "deletions", "--vendor", "meiro", "--drop", "--reason", "a test")
	w.until("all have come to an end", func() bool { return w.happened("--type", events.UserDeleted) == 5*2*deleted })
	if dropped := w.happened("--vendor", "meiro", "--outcome", events.Failed); dropped == 0 || dropped != w.happened("--outcome", events.Failed) {
		t.Errorf("got %d failures at meiro and %d at all, want some, and the same", dropped, w.happened("--outcome", events.Failed))
	}
	w.end()
}
