package bus_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/bus"
)

// TestApplyMakesItAsTheConfigurationSays changes a stream and a paused consumer by
// other hands, and removes another stream.
func TestApplyMakesItAsTheConfigurationSays(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	c := bus.LaneConfig{Name: lifecycle, Stream: bus.EventsStream, Subjects: []string{"user.created"}, Pinned: true, AckWait: 30 * time.Second, MaxAckPending: 20_000}
	before := c
	before.AckWait, before.MaxAckPending = 10*time.Second, 500
	if _, err := b.Lane(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if err := b.Pause(t.Context(), bus.EventsStream, lifecycle, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	js := b.JetStream()
	stream, err := js.Stream(t.Context(), bus.ResultsStream)
	if err != nil {
		t.Fatal(err)
	}
	changed := stream.CachedInfo().Config
	changed.MaxAge, changed.Description, changed.AllowDirect = 7*time.Minute, "ours", true
	if _, err := js.UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), bus.AuditStream); err != nil {
		t.Fatal(err)
	}
	want := []bus.Difference{
		{Of: "stream RESULTS", Setting: "max_age", Have: "7m0s", Want: "1h0m0s"},
		{Of: "stream RESULTS", Setting: "allow_direct", Have: "true", Want: "false"},
		{Of: "stream AUDIT", Setting: "is there", Have: "no", Want: "yes"},
		{Of: "consumer " + lifecycle, Setting: "ack_wait", Have: "10s", Want: "30s"},
		{Of: "consumer " + lifecycle, Setting: "max_ack_pending", Have: "500", Want: "20000"},
		{Of: "consumer " + lifecycle, Setting: "pinned_ttl", Have: "10s", Want: "30s"},
	}
	lanes := []bus.LaneConfig{c}
	if got, err := b.Check(t.Context(), lanes); err != nil || !cmp.Equal(want, got) {
		t.Fatalf("check: %v (-want +got)\n%s", err, cmp.Diff(want, got))
	}
	got, err := b.Apply(t.Context(), lanes)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("apply: %v (-want +got)\n%s", err, diff)
	}
	if left, err := b.Check(t.Context(), lanes); err != nil || len(left) > 0 {
		t.Errorf("after apply: %v (%v), want no difference", left, err)
	}
	if s, err := b.State(t.Context(), bus.EventsStream, lifecycle); err != nil || s.PausedTo.IsZero() || s.Limit != 20_000 {
		t.Errorf("got %+v (%v), want the new limit and the pause", s, err)
	}
	if stream, err = js.Stream(t.Context(), bus.ResultsStream); err != nil || stream.CachedInfo().Config.Description != "ours" {
		t.Errorf("the stream's description is lost (%v)", err)
	}
}

// TestApplyLeavesAStreamOfTheUsersOwn has a layout that only reads the events.
func TestApplyLeavesAStreamOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	l := layout
	l.Events, l.Own = "MINE", false
	b, _ := world(t, l)
	mine := jetstream.StreamConfig{Name: "MINE", Subjects: []string{"user.*", "enrollment.*", "activity.tracked"}, MaxMsgs: 7}
	if _, err := b.JetStream().CreateStream(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	stream, err := b.JetStream().Stream(t.Context(), "MINE")
	if err != nil || stream.CachedInfo().Config.MaxMsgs != 7 || stream.CachedInfo().Config.MaxAge != 0 {
		t.Errorf("got %v, want that the stream is as it was", err)
	}
	if left, err := b.Check(t.Context(), nil); err != nil || len(left) > 0 {
		t.Errorf("got %v (%v), want no difference", left, err)
	}
}
