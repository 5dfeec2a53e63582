package admin_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// TestApplyMakesItAsTheConfigurationSays changes streams and a consumer by other hands, and
// removes a stream and a consumer.
func TestApplyMakesItAsTheConfigurationSays(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	js := w.js
	counter := admin.ConsumerConfig{Stream: streams.EventsStream, ConsumerConfig: jetstream.ConsumerConfig{
		Durable: "usher-acme-lifecycle", FilterSubjects: []string{"user.created"}, AckPolicy: jetstream.AckExplicitPolicy,
	}}
	activity := admin.ConsumerConfig{Stream: streams.EventsStream, ConsumerConfig: jetstream.ConsumerConfig{
		Durable: "usher-acme-activity", FilterSubjects: []string{"activity.tracked"}, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: 30 * time.Second, MaxDeliver: -1, MaxAckPending: 20_000,
	}}
	timers := jetstream.StreamConfig{
		Name: "TIMERS", Subjects: []string{"usher.timer.>", "usher.wake.>"}, Retention: jetstream.WorkQueuePolicy, Replicas: 1,
		MaxMsgsPerSubject: 1, AllowRollup: true, AllowMsgSchedules: true,
	}
	wanted := admin.Wanted{Streams: []jetstream.StreamConfig{timers}, Consumers: []admin.ConsumerConfig{counter, activity}}

	before := activity.ConsumerConfig
	before.AckWait, before.MaxAckPending = 10*time.Second, 500
	if _, err := js.CreateConsumer(t.Context(), streams.EventsStream, before); err != nil {
		t.Fatal(err)
	}
	first := timers
	first.MaxAge, first.AllowMsgSchedules = time.Hour, false
	if _, err := js.CreateStream(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), streams.ResultsStream)
	if err != nil {
		t.Fatal(err)
	}
	changed := stream.CachedInfo().Config
	changed.MaxAge, changed.Description, changed.AllowDirect = 7*time.Minute, "ours", true
	if _, err := js.UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), streams.AuditStream); err != nil {
		t.Fatal(err)
	}
	want := []admin.Difference{
		{Of: "stream RESULTS", Setting: "max_age", Have: "7m0s", Want: "1h0m0s"},
		{Of: "stream RESULTS", Setting: "allow_direct", Have: "true", Want: "false"},
		{Of: "stream AUDIT", Setting: "is there", Have: "no", Want: "yes"},
		{Of: "stream TIMERS", Setting: "max_age", Have: "1h0m0s", Want: "0s"},
		{Of: "stream TIMERS", Setting: "allow_msg_schedules", Have: "false", Want: "true"},
		{Of: "consumer usher-acme-lifecycle", Setting: "is there", Have: "no", Want: "yes"},
		{Of: "consumer usher-acme-activity", Setting: "ack_wait", Have: "10s", Want: "30s"},
		{Of: "consumer usher-acme-activity", Setting: "max_ack_pending", Have: "500", Want: "20000"},
	}
	if got, err := w.Check(t.Context(), wanted); err != nil || !cmp.Equal(want, got) {
		t.Fatalf("check: %v (-want +got)\n%s", err, cmp.Diff(want, got))
	}
	got, err := w.Apply(t.Context(), wanted)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("apply: %v (-want +got)\n%s", err, diff)
	}
	if left, err := w.Check(t.Context(), wanted); err != nil || len(left) > 0 {
		t.Errorf("after apply: %v (%v), want no difference", left, err)
	}
	if stream, err = js.Stream(t.Context(), streams.ResultsStream); err != nil || stream.CachedInfo().Config.Description != "ours" {
		t.Errorf("the stream's description is lost (%v)", err)
	}
}

// TestWhatTheServerCannotChange has a consumer of another kind.
func TestWhatTheServerCannotChange(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	c := jetstream.ConsumerConfig{Durable: "usher-acme-lifecycle", FilterSubjects: []string{"user.created"}, AckPolicy: jetstream.AckNonePolicy}
	if _, err := w.js.CreateConsumer(t.Context(), streams.EventsStream, c); err != nil {
		t.Fatal(err)
	}
	c.AckPolicy = jetstream.AckExplicitPolicy
	want := []admin.Difference{{Of: "consumer usher-acme-lifecycle", Setting: "ack_policy", Have: "AckNone", Want: "AckExplicit", Fixed: true}}
	got, err := w.Apply(t.Context(), admin.Wanted{Consumers: []admin.ConsumerConfig{{Stream: streams.EventsStream, ConsumerConfig: c}}})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// TestApplyLeavesAStreamOfTheUsersOwn has a layout that only reads the events.
func TestApplyLeavesAStreamOfTheUsersOwn(t *testing.T) {
	t.Parallel()
	l := layout
	l.Events, l.Own = "MINE", false
	w := empty(t, l)
	mine := jetstream.StreamConfig{Name: "MINE", Subjects: []string{"user.*", "enrollment.*", "activity.tracked"}, MaxMsgs: 7}
	if _, err := w.js.CreateStream(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(t.Context(), admin.Wanted{}); err != nil {
		t.Fatal(err)
	}
	stream, err := w.js.Stream(t.Context(), "MINE")
	if err != nil || stream.CachedInfo().Config.MaxMsgs != 7 || stream.CachedInfo().Config.MaxAge != 0 {
		t.Errorf("got %v, want that the stream is as it was", err)
	}
	if left, err := w.Check(t.Context(), admin.Wanted{}); err != nil || len(left) > 0 {
		t.Errorf("got %v (%v), want no difference", left, err)
	}
}
