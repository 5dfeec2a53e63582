package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// allowed returns the classes that a gate lets through.
func allowed(g *gate) (n int) {
	for _, c := range []mailbox.Class{mailbox.Fresh, mailbox.Wake} {
		if g.Allows(c) {
			n++
		}
	}
	return n
}

// A gate is closed until the pauses are known, while the vendor is paused, and not longer.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Config{Vendor: "acme"}, NewLimiter(0), zerolog.Nop())
		want := func(n int, when string) {
			t.Helper()
			if got := allowed(g); got != n {
				t.Errorf("%d classes may call %s, want %d", got, when, n)
			}
		}
		want(0, "before the pauses are known")
		now := time.Now()
		g.watchPauses(t.Context(), func(_ context.Context, see func(map[string]streams.Pause)) {
			see(map[string]streams.Pause{"other": {Since: now}})
			want(2, "while another vendor is paused")
			see(map[string]streams.Pause{"acme": {Since: now}})
			time.Sleep(1000 * time.Hour)
			want(0, "in a pause without an end")
			see(map[string]streams.Pause{"acme": {Since: now, Until: time.Now().Add(time.Hour)}})
			time.Sleep(time.Hour - time.Nanosecond)
			want(0, "at the end of a pause")
			time.Sleep(time.Nanosecond)
			want(2, "after a pause")
			see(map[string]streams.Pause{"acme": {Since: now}})
			see(nil)
			want(2, "after a pause was cleared")
		})
	})
}

// TestCheckOnRequest asks for a check of a vendor on hold: once for each request, and only for
// requests during the hold.
func TestCheckOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Config{Vendor: "acme", HoldRetry: time.Hour}, NewLimiter(0), zerolog.Nop())
		before := time.Now()
		time.Sleep(time.Second)
		g.breaker.Report("u1", fairness.Unauthorized)
		during := time.Now().Add(time.Second)
		g.watchChecks(t.Context(), func(_ context.Context, see func(map[string]time.Time)) {
			for _, step := range []struct {
				name  string
				asked map[string]time.Time
				due   bool
			}{
				{"without a request", nil, false},
				{"before the hold", map[string]time.Time{"acme": before}, false},
				{"at another vendor", map[string]time.Time{"other": during}, false},
				{"during the hold", map[string]time.Time{"acme": during}, true},
				{"the watch was renewed", map[string]time.Time{"acme": during}, false},
				{"once more", map[string]time.Time{"acme": during.Add(time.Second)}, true},
			} {
				see(step.asked)
				due := g.breaker.CheckDue()
				if due != step.due {
					t.Errorf("%s: a check is due: %v", step.name, due)
				}
				if due {
					g.breaker.Checked(context.DeadlineExceeded)
				}
			}
		})
	})
}

// Checks follow at doubling intervals, and each report of a hold has the time of the next one.
func TestReportOfAHoldHasTheNextCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Config{Vendor: "acme", HoldRetry: time.Minute}, NewLimiter(0), zerolog.Nop())
		ctx, end := context.WithCancel(t.Context())
		g.breaker.Report("u1", fairness.Unauthorized)
		var next []time.Time
		checks := 0
		g.watch(ctx, func(context.Context) error {
			if now := time.Now(); !now.Equal(next[checks]) {
				t.Errorf("check %d at %s, reported for %s", checks, now, next[checks])
			}
			if checks++; checks == 4 {
				end()
			}
			return &vendors.Error{Vendor: "acme", Status: 401, Class: vendors.Unusable}
		}, func(_ error, _ bool, at time.Time) { next = append(next, at) })
	})
}

// A rest that the vendor asked for turns wakes away, and lets one fresh effect wait.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(50)
		g := newGate(Config{Vendor: "acme"}, l, zerolog.Nop())
		g.pause.Store(&noPause)
		l.Penalize(time.Minute)
		l.Penalize(time.Minute)
		if g.Allows(mailbox.Wake) || !g.Allows(mailbox.Fresh) {
			t.Error("want that fresh effects alone are allowed")
		}
		if err := g.Wait(t.Context(), mailbox.Wake); err == nil {
			t.Error("a wake got through")
		}
		begun := time.Now()
		if err := g.Wait(t.Context(), mailbox.Fresh); err != nil || time.Since(begun) > time.Second {
			t.Errorf("got %v after %v, want a probe", err, time.Since(begun))
		}
		call := g.Attach(t.Context(), mailbox.Fresh)
		begin := time.Now().Add(5 * time.Second)
		if err := l.Wait(call, begin); err != nil {
			t.Errorf("the probe may not begin: %v", err)
		}
		if err := l.Wait(call, begin); err == nil || time.Until(begin) < 5*time.Second {
			t.Error("a further call waited for the end of the rest")
		}
		if !g.Allows(mailbox.Fresh) {
			t.Error("the probe may not call")
		}
		l.Answered()
		if !g.Allows(mailbox.Wake) {
			t.Error("the rest goes on after an answer")
		}
	})
}

// A refused token, with the log-in before accepted, calls for a check; refused credentials
// put the vendor on hold.
func TestRefusedCredentials(t *testing.T) {
	token := vendors.Error{Vendor: "acme", Status: 401, Class: vendors.Unusable, Err: vendors.ErrTokenRefused}
	for name, test := range map[string]struct {
		err  vendors.Error
		want fairness.State
	}{
		"refused token":  {token, fairness.Suspect},
		"refused key":    {vendors.Error{Vendor: "acme", Status: 401, Class: vendors.Unusable}, fairness.Open},
		"refused log-in": {vendors.Error{Vendor: "acme", Op: "log in", Class: vendors.Unusable}, fairness.Open},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(Config{Vendor: "acme"}, NewLimiter(0), zerolog.Nop())
			g.Report("u1", &test.err)
			if got := g.breaker.State(); got != test.want {
				t.Errorf("got state %v, want %v", got, test.want)
			}
		})
	}
}

// Rubbish for everybody puts the vendor on hold at the first effect, and rubbish for one user does
// not.
func TestUnreadableResponses(t *testing.T) {
	rubbish := &vendors.Error{Vendor: "acme", Status: 200, Unreadable: true}
	for name, test := range map[string]struct {
		check error
		want  fairness.State
	}{"for everybody": {rubbish, fairness.Open}, "for one user": {nil, fairness.Closed}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(Config{Vendor: "acme"}, NewLimiter(0), zerolog.Nop())
				g.Report("u1", rubbish)
				ctx, cancel := context.WithCancel(t.Context())
				go g.watch(ctx, func(context.Context) error { return test.check }, nil)
				synctest.Wait()
				if got := g.breaker.State(); got != test.want {
					t.Errorf("got state %v, want %v", got, test.want)
				}
				cancel()
			})
		})
	}
}

// A refusal of one person's data with 403, be the body HTML, leaves the vendor alone.
func TestOneForbiddenUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Config{Vendor: "acme"}, NewLimiter(0), zerolog.Nop())
		ctx, cancel := context.WithCancel(t.Context())
		go g.watch(ctx, func(context.Context) error { return nil }, nil)
		for range 20 {
			g.Report("u1", &vendors.Error{Vendor: "acme", Status: 403, Class: vendors.Unusable})
			synctest.Wait()
			if got := g.breaker.State(); got == fairness.Open || got == fairness.HalfOpen {
				t.Errorf("got state %v, want calls to go on", got)
			}
			time.Sleep(3 * time.Second)
		}
		cancel()
	})
}

// A check that the vendor answers with 429, or that began too late, shows nothing.
func TestCheckWithoutVerdict(t *testing.T) {
	for name, test := range map[string]struct {
		err  vendors.Error
		want fairness.State
	}{
		"429":       {vendors.Error{Vendor: "acme", Status: 429}, fairness.Suspect},
		"not begun": {vendors.Error{Vendor: "acme", Err: vendors.ErrLate}, fairness.Suspect},
		"503":       {vendors.Error{Vendor: "acme", Status: 503}, fairness.Open},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(Config{Vendor: "acme"}, NewLimiter(0), zerolog.Nop())
				g.Report("u1", &vendors.Error{Vendor: "acme", Status: 403})
				ctx, cancel := context.WithCancel(t.Context())
				go g.watch(ctx, func(context.Context) error { return &test.err }, nil)
				synctest.Wait()
				if got := g.breaker.State(); got != test.want {
					t.Errorf("got state %v, want %v", got, test.want)
				}
				cancel()
			})
		})
	}
}
