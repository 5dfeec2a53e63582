package ops_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestPreviewReplays previews a replay that would call, one behind another event, and one of
// a vendor that there is not.
func TestPreviewReplays(t *testing.T) {
	w := newWorld(t)
	created, behind := w.event(events.UserCreated, "created", "bob"), w.event(events.UserDeleted, "first", "ada")
	w.addLetter("created", "bob", created)
	w.addLetter("behind", "ada", w.event(events.UserCreated, "behind", "ada"))
	w.account("lms", "ada", func(r *record.Record) { r.Pending = []record.Effect{behind} })
	letters, err := w.service.DeadLetters(t.Context(), func(streams.DeadLetter) bool { return true })
	w.check(err)
	letters = append(letters, streams.DeadLetter{Vendor: "gone", Type: events.UserCreated, Key: keyOf("x")})
	previews, err := w.service.PreviewReplays(t.Context(), letters)
	w.check(err)
	got := map[string]string{}
	for _, p := range previews {
		got[p.EventID] = p.String()
	}
	want := map[string]string{
		"created": "would call the vendor; whether the vendor accepts the call is not checked",
		"behind":  "would wait for user.deleted of the same user (event key " + keyOf("first") + ")",
		"":        "unknown here: this usher has no vendor gone",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	ada := ops.ReplayPreview{ID: "lms." + keyOf("behind"), Type: events.UserCreated, EventID: "behind", Replay: 1, UserID: "ada", Preview: mailbox.Preview{
		Would: mailbox.PreviewWait, Behind: keyOf("first"), BehindType: events.UserDeleted,
	}}
	for _, p := range previews {
		if diff := cmp.Diff(ada, p, cmpopts.IgnoreFields(mailbox.Preview{}, "Blocker")); p.EventID == "behind" && diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// TestRefusedReplayNamesThePlaceOnce has the message of an event at fault, with the place, and one without.
func TestRefusedReplayNamesThePlaceOnce(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"invalid event: /data/course_id: course: go-1 is mapped nowhere", "go-1 is mapped nowhere"} {
		p := ops.ReplayPreview{Preview: mailbox.Preview{Would: mailbox.PreviewRefused, Pointer: "/data/course_id", Rule: "course", Message: message}}
		if got, want := p.String(), "would be refused again: /data/course_id: course: go-1 is mapped nowhere"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
