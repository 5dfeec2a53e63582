package ops_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestApproveDeletions approves, ends and drops, with and without a hold. An action without a
// change is not in the audit log.
func TestApproveDeletions(t *testing.T) {
	t.Parallel()
	s, set := newService(t)
	control, err := set.Control.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hold := func(r *deletionguard.Record) { r.Held, r.Why, r.Approved = time.Now(), "20 deletions", time.Time{} }
	steps := []struct {
		hold    bool
		options ops.ApproveOptions
		want    string
		kind    string // in the audit log
	}{
		{false, ops.ApproveOptions{}, "no deletion is on hold, and nothing was changed", ""},
		{false, ops.ApproveOptions{Drop: true}, "nothing was dropped", ""},
		{false, ops.ApproveOptions{End: true}, "no approval is in force", ""},
		{false, ops.ApproveOptions{For: time.Minute}, "not on hold\nthey go on", streams.DeletionsApproved},
		{false, ops.ApproveOptions{End: true}, "too many deletions are held again", streams.DeletionsApproved},
		{true, ops.ApproveOptions{Drop: true}, "20 deletions\nthe deletions registered before now become dead letters", streams.DeletionsDropped},
		{true, ops.ApproveOptions{}, "20 deletions\nthey go on", streams.DeletionsApproved},
	}
	var want []string
	for _, step := range steps {
		if step.hold {
			if _, err := deletionguard.Change(t.Context(), control, hold); err != nil {
				t.Fatal(err)
			}
		}
		done, err := s.ApproveDeletions(t.Context(), step.options, ops.Actor{Who: "ann"})
		if err != nil || !strings.Contains(done.String(), step.want) {
			t.Errorf("%+v: got %q (%v), want %q in it", step.options, done, err, step.want)
		}
		if step.kind != "" {
			want = append(want, step.kind)
		}
	}
	var got []string
	for a, err := range set.Audit.List(t.Context(), streams.AuditQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a.Kind)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v in the audit log, want %v", got, want)
	}
	if r, err := deletionguard.Read(t.Context(), control); err != nil || r.Why != "" || time.Until(r.Approved) < ops.DefaultApproval/2 {
		t.Errorf("got the record %+v (%v), want an approval for %s", r, err, ops.DefaultApproval)
	}
}
