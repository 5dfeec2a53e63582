package ops_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// failing is a served vendor with users that wait.
type failing struct {
	t       *testing.T
	service *ops.Service
	streams *streams.Set
	timers  *streams.Timers
	results int
}

func newFailing(t *testing.T) *failing {
	t.Helper()
	t.Parallel()
	s, b := newService(t, "lead")
	c := vendorConsumers(t, b)
	leases, err := streams.OpenLeases(t.Context(), c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Acquire(t.Context(), "lead", "process-1"); err != nil {
		t.Fatal(err)
	}
	timers, err := streams.OpenTimers(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return &failing{t: t, service: s, streams: b, timers: timers}
}

// fails stores a user whose first try began at a time, and whose last one failed now.
func (f *failing) fails(user string, begun time.Time, class string) {
	f.t.Helper()
	r := deletion(user, begun, false)
	r.Pending[0].Begun, r.Pending[0].Attempts = begun, 3
	r.Failure = record.Failure{Key: 1, At: time.Now(), Class: class, Message: "lead: look up user: EOF"}
	store(f.t, f.streams, "lead."+user, r)
	f.arm(user)
}

func (f *failing) arm(user string) {
	f.t.Helper()
	if err := f.timers.Arm(f.t.Context(), streams.Timer{Vendor: "lead", Digest: user, Due: time.Now().Add(time.Hour)}); err != nil {
		f.t.Fatal(err)
	}
}

// result publishes the result of another user.
func (f *failing) result(r events.Result) {
	f.t.Helper()
	f.results++
	id := fmt.Sprint("r", f.results)
	request, err := events.New(events.UserDeleted, "/school", id, time.Now(), dataOf("other"))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Vendor = "lead"
	result, err := events.NewResult(events.ResultOf{Request: request, Key: keyOf(id), Source: "/usher", At: time.Now(), Result: r})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := f.streams.Results.Publish(f.t.Context(), "lead", result); err != nil {
		f.t.Fatal(err)
	}
}

func (f *failing) want(state, why string, users int) ops.VendorStatus {
	f.t.Helper()
	v, ok := onlyVendor(f.t, f.service)
	if v.State != state || ok != (state == ops.Serving) || !strings.HasPrefix(v.Why, why) || v.Failed == nil || v.Failed.Users != users {
		f.t.Errorf("got %s, ok %v, %q, %+v; want %s, %q and %d users", v.State, ok, v.Why, v.Failed, state, why, users)
	}
	return v
}

// TestVendorFails has users that fail, with a success before the tries and then after them.
func TestVendorFails(t *testing.T) {
	f := newFailing(t)
	f.result(events.Result{Outcome: events.Done})
	began := time.Now().Add(time.Second).UTC().Truncate(time.Second)
	f.fails("a", began, "again")
	f.want(ops.Serving, "1 user waits after failed tries since "+began.Format(time.RFC3339)+", the last: lead: look up user: EOF", 1)
	f.fails("b", began.Add(time.Second), "again")
	f.arm("nobody") // a timer that outlives the work of a user
	v := f.want(ops.Failing, "2 users wait after failed tries since ", 2)
	if v.Since == nil || !v.Since.Equal(began) || v.Waiting != 2 {
		t.Errorf("got %+v, want a failing vendor since %s", v, began)
	}
}

// TestSickUsersAreNotTheVendor has sick users beside healthy ones, and then a vendor that breaks.
func TestSickUsersAreNotTheVendor(t *testing.T) {
	f := newFailing(t)
	hour := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	for i := range 3 {
		f.fails(fmt.Sprint("sick", i), hour.Add(time.Duration(i)*time.Minute), "again")
	}
	f.result(events.Result{Outcome: events.Skipped, Reason: "scope"})
	f.want(ops.Failing, "3 users wait", 3) // a rule needs no vendor
	f.result(events.Result{Outcome: events.Done})
	f.want(ops.Serving, "3 users wait", 3)
	broke := time.Now().Add(time.Second).UTC().Truncate(time.Second)
	f.fails("x", broke, "again")
	f.fails("y", broke.Add(time.Second), mailbox.ClassConflict)
	f.want(ops.Serving, "5 users wait", 5) // the vendor has answered y
	f.fails("z", broke.Add(time.Minute), "again")
	if v := f.want(ops.Failing, "6 users wait", 6); v.Since == nil || !v.Since.Equal(broke) {
		t.Errorf("got %v, want the time after the last success, %s", v.Since, broke)
	}
}

// TestManyFailedTries reads a sample of very many waiting users.
func TestManyFailedTries(t *testing.T) {
	f := newFailing(t)
	for i := range 300 {
		f.fails(fmt.Sprintf("%03d", i), time.Now(), "again")
	}
	if v := f.want(ops.Failing, "256 of 256 users looked at wait after failed tries since ", 256); v.Waiting != 300 {
		t.Errorf("got %d waiting users, want 300", v.Waiting)
	}
}

// TestProblemOfFailingVendor reports a vendor that has failed for minutes, until a user succeeds.
func TestProblemOfFailingVendor(t *testing.T) {
	f := newFailing(t)
	f.service.Config.Notify.Lag = time.Hour
	l := &ops.Lookout{}
	want := func(list ...string) {
		t.Helper()
		if got := problems(t, l, f.service); !slices.Equal(got, list) {
			t.Errorf("got %q, want %q", got, list)
		}
	}
	began := time.Now().Add(-ops.FailingFor - time.Minute)
	f.fails("a", began, "again")
	want() // one user proves nothing
	f.fails("b", time.Now(), "again")
	want("failing lead lead 2")
	f.result(events.Result{Outcome: events.Done})
	want()
}

// TestShortFailureIsNoProblem has users that failed just now.
func TestShortFailureIsNoProblem(t *testing.T) {
	f := newFailing(t)
	f.service.Config.Notify.Lag = time.Hour
	f.fails("a", time.Now(), "again")
	f.fails("b", time.Now(), "again")
	f.want(ops.Failing, "2 users", 2)
	if got := problems(t, &ops.Lookout{}, f.service); len(got) != 0 {
		t.Errorf("got %q, want none yet", got)
	}
}
