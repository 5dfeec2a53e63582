package streams_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

var actions = []streams.Action{
	{Kind: streams.DeadReplayed, At: time.Unix(1, 0).UTC(), Who: "ann@school", Why: "it is back", Vendor: "acme", Type: "user.created", Key: "k1", EventID: "e1", Replay: 2},
	{Kind: streams.VendorPaused, At: time.Unix(2, 0).UTC(), Who: "ann@school", Vendor: "acme", Until: time.Unix(9, 0).UTC()},
}

func TestActionsAreKept(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	for _, a := range actions {
		if err := set.Audit.Record(t.Context(), "/usher", a); err != nil {
			t.Fatal(err)
		}
	}
	var got []streams.Action
	var subjects []string
	for e, err := range set.Audit.List(t.Context(), streams.AuditQuery{}) {
		check(t, err)
		got, subjects = append(got, e.Action), append(subjects, e.Event.Type()+" "+e.Event.Subject())
	}
	if diff := cmp.Diff(actions, got); diff != "" {
		t.Errorf("actions differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"usher.dead.replayed acme.k1", "usher.vendor.paused acme"}, subjects); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	stream, err := set.Client.JetStream.Stream(t.Context(), streams.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("what was written down can be removed")
	}
}

func TestActionsAreFollowed(t *testing.T) {
	t.Parallel()
	set := newSet(t)
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	if err := set.Audit.Record(ctx, "/usher", actions[0]); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range set.Audit.List(ctx, streams.AuditQuery{Since: time.Now().Add(-time.Minute), Follow: true}) {
		check(t, err)
		if got = append(got, e.Kind); len(got) == 2 {
			break
		}
		check(t, set.Audit.Record(ctx, "/usher", actions[1])) // comes while the log is followed
	}
	if diff := cmp.Diff([]string{streams.DeadReplayed, streams.VendorPaused}, got); diff != "" {
		t.Errorf("actions differ (-want +got):\n%s", diff)
	}
}

func TestAnActionThatIsNotStoredIsAnError(t *testing.T) {
	t.Parallel()
	set, _ := emptySet(t) // without its streams
	if err := set.Audit.Record(t.Context(), "/usher", actions[0]); err == nil {
		t.Error("got no error where there is no stream")
	}
}
