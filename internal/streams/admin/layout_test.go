package admin_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

func TestEnsureIsRepeatable(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	if err := w.Ensure(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEnsureChangesNothing(t *testing.T) {
	t.Parallel()
	w := empty(t, layout)
	own := jetstream.StreamConfig{Name: streams.EventsStream, Subjects: []string{"user.created", "user.updated", "user.deleted", "user.restored", "enrollment.*", "activity.tracked"}, MaxAge: time.Minute}
	if _, err := w.js.CreateStream(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if err := w.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := w.js.Stream(t.Context(), streams.EventsStream)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stream.CachedInfo().Config.MaxAge, time.Minute; got != want {
		t.Errorf("got max_age %v, want it left at %v", got, want)
	}
}

func TestEnsureSaysWhatToSet(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stream jetstream.StreamConfig
		layout func(*admin.Layout)
		want   string
	}{
		"another stream holds the subjects": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.created"}}, func(*admin.Layout) {}, "set nats.events_stream (USHER_NATS_EVENTS_STREAM)",
		},
		"the named stream is not there": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"x"}}, func(l *admin.Layout) { l.Events, l.Own = "OURS", false }, "stream OURS",
		},
		"the named stream lacks subjects": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.created"}},
			func(l *admin.Layout) { l.Events, l.Own = "THEIRS", false },
			"user.updated, user.deleted, user.restored, enrollment.requested, enrollment.cancelled, activity.tracked",
		},
		"their stream holds results too": {
			jetstream.StreamConfig{Name: "THEIRS", Subjects: []string{"user.>", "enrollment.>", "activity.>"}}, func(l *admin.Layout) { l.Events, l.Own = "THEIRS", false }, "narrow it",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := layout
			c.layout(&l)
			w := empty(t, l)
			if _, err := w.js.CreateStream(t.Context(), c.stream); err != nil {
				t.Fatal(err)
			}
			if err := w.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error that says %q", err, c.want)
			}
		})
	}
}

func TestPermanent(t *testing.T) {
	api := func(status int, code jetstream.ErrorCode) error {
		return fmt.Errorf("make stream: %w", &jetstream.APIError{Code: status, ErrorCode: code})
	}
	cases := map[string]struct {
		err  error
		want bool
	}{
		"none":                            {nil, false},
		"no answer":                       {context.DeadlineExceeded, false},
		"nobody answers":                  {nats.ErrNoResponders, false},
		"no leader":                       {api(503, 10008), false},
		"too few servers":                 {api(400, 10005), false},
		"the disk is full":                {api(500, 10047), false},
		"offline":                         {api(500, 10118), false},
		"gone in the meantime":            {api(404, 10059), false},
		"account without JetStream":       {jetstream.ErrJetStreamNotEnabledForAccount, true},
		"overlap":                         {api(400, 10065), true},
		"too many streams":                {api(400, 10027), true},
		"replicas without a cluster":      {api(500, 10074), true},
		"a stream that is no bucket":      {fmt.Errorf("bucket: %w", jetstream.ErrBadBucket), true},
		"the server knows no such option": {api(500, 10052), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := admin.Permanent(c.err); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
