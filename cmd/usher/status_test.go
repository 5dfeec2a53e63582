package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/sandbox"
)

// standing is what usher status --json says, with its exit code.
func (w *world) standing() (s ops.Status, code int) {
	w.t.Helper()
	out, err := w.try("status", "--json")
	if fault := json.Unmarshal([]byte(out), &s); fault != nil {
		w.t.Fatalf("%v: %s (%v)", fault, out, err)
	}
	if err != nil {
		code = cli.ExitCode(err)
	}
	return s, code
}

// at is how one vendor stands.
func at(s ops.Status, vendor string) ops.VendorStatus {
	i := slices.IndexFunc(s.Vendors, func(v ops.VendorStatus) bool { return v.Vendor == vendor })
	if i < 0 {
		return ops.VendorStatus{}
	}
	return s.Vendors[i]
}

// TestStatusOfADeadVendor has two users at a vendor that answers nobody: too few for a hold.
func TestStatusOfADeadVendor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_CONSOLE_TOKENS="+consoleToken)
	w.serve()
	browser, _ := w.operator(url)
	w.until("lead is served", func() bool { s, code := w.standing(); return code == 0 && at(s, "lead").State == ops.Serving })
	if err := w.stands.Control("lead", "down", time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := w.feed(people(events.UserCreated, 1, 2), "send", "-"); err != nil {
		t.Fatal(err)
	}
	w.until("lead fails", func() bool {
		s, code := w.standing()
		v := at(s, "lead")
		return code == cli.ExitFailed && v.State == ops.Failing && v.Failed.Users == 2 && strings.Contains(v.Why, "EOF")
	})
	w.until("the console says so", func() bool {
		page := w.page(browser, http.MethodGet, url+"/console/", nil)
		return strings.Contains(page, `data-vendor="lead" data-state="failing"`) && strings.Contains(page, "2 users wait after failed tries")
	})
	scraped := func(want ...string) func() bool {
		return func() bool {
			_, text := w.get(url + "/metrics")
			return !slices.ContainsFunc(want, func(line string) bool { return !strings.Contains(text, line+"\n") })
		}
	}
	w.until("the metrics say so", scraped(`usher_vendor_failing{vendor="lead"} 1`, `usher_vendor_waiting{vendor="lead"} 2`, `usher_vendor_failing{vendor="meiro"} 0`))
	if err := w.stands.Control("lead", "ok", 0); err != nil {
		t.Fatal(err)
	}
	w.until("the metrics say that lead serves", scraped(`usher_vendor_failing{vendor="lead"} 0`, `usher_vendor_waiting{vendor="lead"} 0`))
	w.until("lead serves again", func() bool {
		s, code := w.standing()
		return code == 0 && at(s, "lead").State == ops.Serving && at(s, "lead").Failed == nil
	})
	w.end()
}

// TestStatus looks at a serve at which one vendor refuses us, pauses another one,
// and looks again when serve has ended.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool { return strings.HasPrefix(v, "USHER_MIESTRO_API_SECRET=") })
	w.environ = append(w.environ, "USHER_MIESTRO_API_SECRET="+sandbox.WrongCredential, "USHER_WORKER_HOLD_RETRY=1s")
	w.serve()
	w.until("all five vendors are served", func() bool {
		s, code := w.standing()
		return code == 0 && len(s.Vendors) == 5 && at(s, "usermost").State == ops.Serving
	})
	if _, err := w.feed(people(events.UserCreated, 1, 3), "send", "-"); err != nil {
		t.Fatal(err)
	}
	w.until("Miestro is on hold, and its events wait", func() bool {
		s, code := w.standing()
		v := at(s, "miestro")
		return code == cli.ExitFailed && v.State == ops.OnHold && v.Since != nil && strings.Contains(v.Why, "401") && v.Pending+uint64(v.Waiting) == 3
	})
	w.must("pause", "lead", "--reason", "a test")
	if s, _ := w.standing(); at(s, "lead").State != ops.Paused {
		t.Errorf("got lead %s, want it paused", at(s, "lead").State)
	}
	if out, _ := w.try("status"); !strings.Contains(out, "miestro\ton hold since ") || strings.Contains(out, "@example.org") {
		t.Errorf("got\n%s", out)
	}
	w.end()
	w.until("nobody takes the events of Miestro", func() bool { s, _ := w.standing(); return at(s, "miestro").State == ops.Stalled })
}
