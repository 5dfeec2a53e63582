package ops_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// vendorConsumers makes the streams of the mailboxes and the consumers of lead.
func vendorConsumers(t *testing.T, b *streams.Set) streams.Client {
	t.Helper()
	js := b.Client.JetStream
	if err := admin.EnsureWorker(t.Context(), js, admin.Workers{}); err != nil {
		t.Fatal(err)
	}
	c := streams.Client{JetStream: js}
	for _, counter := range []streams.CounterConfig{
		{Stream: streams.EventsStream, Consumer: ops.ConsumerName("lead", ops.Lifecycle), Subjects: []string{events.UserCreated, events.UserDeleted}},
		{Stream: streams.EventsStream, Consumer: ops.ConsumerName("lead", ops.Activity), Subjects: []string{events.ActivityTracked}},
		{Stream: streams.ReplaysStream, Consumer: ops.ConsumerName("lead", ops.Replay), Subjects: []string{"usher.replay.lead.>"}},
		streams.Names{}.WaitingCounter("lead", ops.ConsumerName("lead", ops.Waiting)),
	} {
		if err := streams.EnsureCounter(t.Context(), c, counter); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// onlyVendor returns the state of lead, the only served vendor.
func onlyVendor(t *testing.T, service *ops.Service) (v ops.VendorStatus, ok bool) {
	t.Helper()
	s, err := service.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Vendors) != 1 || s.Vendors[0].Vendor != "lead" {
		t.Fatalf("got %+v, want lead alone", s.Vendors)
	}
	return s.Vendors[0], s.OK
}

// TestStatusOfAVendor follows a vendor through all its states.
func TestStatusOfAVendor(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead", "meiro")
	if s, err := s.Status(t.Context()); err != nil || len(s.Vendors) > 0 || !s.OK {
		t.Errorf("got %+v (%v) before anybody was served", s, err)
	}
	c := vendorConsumers(t, b)
	want := func(state string, good bool) ops.VendorStatus {
		t.Helper()
		v, ok := onlyVendor(t, s)
		if v.State != state || ok != good {
			t.Errorf("got %s, and ok %v; want %s and %v", v.State, ok, state, good)
		}
		return v
	}
	want(ops.Idle, true)

	timers, err := streams.OpenTimers(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for i, due := range []time.Time{time.Now().Add(time.Hour), time.Now().Add(time.Hour), time.Now()} {
		// A former owner had a timer for each user as well.
		if err := timers.Arm(t.Context(), streams.Timer{Vendor: "lead", Digest: fmt.Sprint("user-", i), Due: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := timers.Arm(t.Context(), streams.Timer{Vendor: "lead", Digest: fmt.Sprint("user-", i), Token: 1, Due: due}); err != nil {
			t.Fatal(err)
		}
	}
	if err := timers.Keep(t.Context(), "lead", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "a timer has fired", func() bool { n, err := timers.CountWakes(t.Context(), "lead"); return err == nil && n == 1 })
	if v := want(ops.Idle, true); v.Waiting != 0 || v.WaitingSince != nil {
		t.Errorf("got %+v with timers of users without work, want none that waits", v)
	}
	since := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	for i := range 3 {
		store(t, b, fmt.Sprint("lead.user-", i), deletion("u", since.Add(time.Duration(i)*time.Minute), false))
	}
	if v := want(ops.Stalled, false); v.Waiting != 3 || v.Pending != 0 || v.Oldest != nil || v.WaitingSince == nil || !v.OldestWork().Equal(since) {
		t.Errorf("got %+v, want three users that wait since %s", v, since)
	}
	began := time.Now()
	for _, id := range []string{"e1", "e2"} {
		e, err := events.New(events.UserCreated, "/school", id, time.Time{}, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Events.Send(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Until(t, "both events are pending", func() bool { v, _ := onlyVendor(t, s); return v.Pending > 1 })
	if v := want(ops.Stalled, false); v.Pending != 2 || v.Oldest == nil || v.Oldest.Before(began.Add(-time.Minute)) {
		t.Errorf("got %+v, want two events", v)
	}

	leases, err := streams.OpenLeases(t.Context(), c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Acquire(t.Context(), "lead", "process-1"); err != nil {
		t.Fatal(err)
	}
	want(ops.Serving, true)
	now := time.Now().UTC()
	if err := b.Control.SetHold(t.Context(), "lead", streams.Hold{Since: now, At: now, Why: "status 401"}); err != nil {
		t.Fatal(err)
	}
	if v := want(ops.OnHold, false); v.Why != "status 401" || v.Since == nil {
		t.Errorf("got %+v, want why and since when", v)
	}
	pause(t, s, want)
	if err := b.Control.ClearHold(t.Context(), "lead"); err != nil {
		t.Fatal(err)
	}
	want(ops.Serving, true)
}

// pause pauses lead with and without an end, and resumes it.
func pause(t *testing.T, s *ops.Service, want func(state string, good bool) ops.VendorStatus) {
	t.Helper()
	by := ops.Actor{Who: "ann"}
	if state, err := s.Pause(t.Context(), "lead", time.Hour, by); err != nil || state.Until == nil || !state.Paused {
		t.Errorf("got %+v (%v), want a pause with an end", state, err)
	}
	if v := want(ops.Paused, true); v.Until == nil || time.Until(*v.Until) < 50*time.Minute || v.Since == nil {
		t.Errorf("got %+v, want it paused for an hour", v)
	}
	if state, err := s.Pause(t.Context(), "lead", 0, by); err != nil || state.String() != "paused until usher resume" {
		t.Errorf("got %s (%v), want a pause without an end", state, err)
	}
	if v := want(ops.Paused, true); v.Until != nil {
		t.Errorf("got %+v, want no end", v)
	}
	for range 2 { // the second time it is not paused any more
		if state, err := s.Resume(t.Context(), "lead", by); err != nil || state.String() != "not paused" {
			t.Errorf("got %s (%v), want it open", state, err)
		}
	}
	want(ops.OnHold, false)
	if _, err := s.Pause(t.Context(), "meiro", 0, by); err == nil {
		t.Error("a vendor that nobody has served is paused")
	}
}

// TestStatusOfModes shows the words of the modes: the state of a vendor that is off needs no
// attention, though events wait.
func TestStatusOfModes(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead")
	vendorConsumers(t, b)
	e, err := events.New(events.UserCreated, "/school", "e1", time.Time{}, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Events.Send(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := b.Control.SetHold(t.Context(), "lead", streams.Hold{Since: time.Now(), At: time.Now(), Why: "status 401"}); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[config.Mode]string{"": "live on hold false", config.Shadow: "shadow on hold false", config.Off: "off off true"} {
		s.Config.Vendors = []config.Section{{Name: "lead", Rules: config.Rules{Mode: mode}}}
		v, ok := onlyVendor(t, s)
		if got := fmt.Sprint(v.Mode, " ", v.State, " ", ok); got != want {
			t.Errorf("mode %q: got %s, want %s", mode, got, want)
		}
	}
}

// TestStatusOfDeletions shows a hold and an approval of one vendor.
func TestStatusOfDeletions(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead")
	vendorConsumers(t, b)
	control, err := b.Control.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store := func(r deletionguard.Record) {
		t.Helper()
		if _, err := deletionguard.Change(t.Context(), control, deletionguard.KeyOf("lead"), func(now *deletionguard.Record) { *now = r }); err != nil {
			t.Fatal(err)
		}
	}
	store(deletionguard.Record{Held: time.Now(), Why: "20 deletions"})
	if v, ok := onlyVendor(t, s); ok || v.Deletions == nil || v.Deletions.Why != "20 deletions" || v.Approved != nil {
		t.Errorf("got %+v, and ok %v; want the hold", v, ok)
	}
	store(deletionguard.Record{Approved: time.Now().Add(time.Hour)})
	if v, ok := onlyVendor(t, s); !ok || v.Deletions != nil || v.Approved == nil {
		t.Errorf("got %+v, and ok %v; want the approval", v, ok)
	}
}

// TestStatusNamesFillingStreams fills a stream up to its limit.
func TestStatusNamesFillingStreams(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead")
	js := b.Client.JetStream
	stream, err := js.Stream(t.Context(), streams.HistoryStream)
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.MaxBytes = 10_000
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for want := range 2 { // before and after the message
		now, err := s.Status(t.Context())
		if err != nil || len(now.Filling) != want || now.OK != (want == 0) {
			t.Fatalf("got %+v (%v), want %d streams", now, err, want)
		}
		if want == 1 && (now.Filling[0].Stream != streams.HistoryStream || now.Filling[0].Percent < 80) {
			t.Errorf("got %+v, want HISTORY", now.Filling[0])
		}
		if _, err := js.Publish(t.Context(), "usher.history.ab", make([]byte, 8_000)); err != nil && want == 0 {
			t.Fatal(err)
		}
	}
}
