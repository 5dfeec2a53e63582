package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/streams"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSend sends the repair of a missing account with a course: an action and a replay for each
// of the two events. Differences that have changed, cannot be repaired, or are above the limit
// are left.
func TestSend(t *testing.T) {
	set := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	missing := active
	missing.Courses = map[string]record.Course{"go": {Enrolled: true, Position: at(3)}}
	f := newFake(t, missing)
	found, err := reconcile.Compare(t.Context(), f.deps())
	if err != nil || len(found.Differences) != 1 {
		t.Fatalf("got %+v, %v", found, err)
	}
	d := found.Differences[0]
	changed, odd, more := d, d, d
	changed.AccountID, odd.AccountID, odd.Repair, more.AccountID = "8", "9", "", "10"
	changed.Repair = reconcile.Delete
	found.Differences = []reconcile.Difference{changed, odd, d, more}
	sent := 0
	repairs := reconcile.Repairs{
		Deps: f.deps(), Streams: set, Source: "/usher", Who: "ann", Why: "a test", Max: 1, Rate: 1000, Sent: func(n int) { sent = n },
	}
	done, err := repairs.Send(t.Context(), found)
	if err != nil || len(done.Sent) != 1 || done.Sent[0].AccountID != "7" || sent != 1 || done.Reason != "a test" {
		t.Errorf("got %+v (%v), want the account 7 sent", done, err)
	}
	if len(done.Left) != 3 || done.Left[0].Note != "skipped: "+reconcile.ErrChanged.Error() || done.Left[1].AccountID != "9" || done.Left[2].AccountID != "10" {
		t.Errorf("got %+v left, want the others", done.Left)
	}
	var acts, replays []string
	for a, err := range set.Audit.List(t.Context(), streams.AuditQuery{}) {
		if err != nil || a.Kind != streams.AccountRepaired || a.Who != "ann" || a.Account != "7" {
			t.Errorf("got the action %+v, %v", a, err)
		}
		acts = append(acts, a.Key)
	}
	for r, err := range set.Replays.List(t.Context(), "acme") {
		if err != nil {
			t.Fatal(err)
		}
		replays = append(replays, r.Header.Key)
	}
	if len(replays) != 2 || !slices.Equal(acts, replays) {
		t.Errorf("got the actions %v and the replays %v, want two of each, in the same order", acts, replays)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if done, err := repairs.Send(ctx, found); !errors.Is(err, context.Canceled) || len(done.Sent) > 0 || len(done.Left) != 4 {
		t.Errorf("got %+v (%v) after an interrupt, want all left", done, err)
	}
}
