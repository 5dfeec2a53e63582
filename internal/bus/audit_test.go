package bus_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

var actions = []bus.Action{
	{Kind: bus.DeadReplayed, At: time.Unix(1, 0).UTC(), Who: "ann@school", Why: "it is back", Vendor: "acme", Type: "user.created", Key: "k1", EventID: "e1", Replay: 2},
	{Kind: bus.VendorPaused, At: time.Unix(2, 0).UTC(), Who: "ann@school", Vendor: "acme", Until: time.Unix(9, 0).UTC()},
}

func TestActionsAreKept(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for _, a := range actions {
		if err := b.Audit(t.Context(), "/usher", a); err != nil {
			t.Fatal(err)
		}
	}
	var got []bus.Action
	var subjects []string
	err := b.Actions(t.Context(), bus.AuditQuery{}, func(e events.Event, a bus.Action) bool {
		got, subjects = append(got, a), append(subjects, e.Type()+" "+e.Subject())
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(actions, got); diff != "" {
		t.Errorf("actions differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"usher.dead.replayed acme.k1", "usher.vendor.paused acme"}, subjects); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	stream, err := b.JetStream().Stream(t.Context(), bus.AuditStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("what was written down can be removed")
	}
}

func TestActionsAreFollowed(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	ctx, cancel := context.WithTimeout(t.Context(), natstest.Patience)
	defer cancel()
	if err := b.Audit(ctx, "/usher", actions[0]); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := b.Actions(ctx, bus.AuditQuery{Since: time.Now().Add(-time.Minute), Follow: true}, func(_ events.Event, a bus.Action) bool {
		got = append(got, a.Kind)
		if len(got) == 1 { // the second one comes while it is followed
			if err := b.Audit(ctx, "/usher", actions[1]); err != nil {
				t.Error(err)
			}
		}
		return len(got) < 2
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{bus.DeadReplayed, bus.VendorPaused}, got); diff != "" {
		t.Errorf("actions differ (-want +got):\n%s", diff)
	}
}

func TestAnActionThatIsNotStoredIsAnError(t *testing.T) {
	t.Parallel()
	b, _ := world(t, layout) // without its streams
	if err := b.Audit(t.Context(), "/usher", actions[0]); err == nil {
		t.Error("got no error where there is no stream")
	}
}
