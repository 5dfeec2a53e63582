package ops_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestApproveOneUser approves the deletion of one user at two vendors, and of a user without a held one.
func TestApproveOneUser(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead", "meiro", "miestro")
	control, err := b.Control.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hold := func(r *deletionguard.Record) { r.Held, r.Why = time.Now(), "20 deletions" }
	if _, err := deletionguard.Change(t.Context(), control, deletionguard.KeyOf("lead"), hold); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for key, r := range map[string]*record.Record{
		record.AccountKey("lead", "u1"): deletion("u1", noon, true), record.AccountKey("lead", "u2"): deletion("u2", noon, true),
		record.AccountKey("meiro", "u1"): deletion("u1", noon, true), record.AccountKey("miestro", "u1"): deletion("u1", noon, false),
	} {
		store(t, b, key, r)
	}
	for _, step := range []struct {
		options ops.ApproveOptions
		nothing bool
		want    string
	}{
		{ops.ApproveOptions{User: "u3"}, true, "no deletion of the user is on hold, and nothing was changed"},
		{ops.ApproveOptions{User: "u1", Vendor: "miestro"}, true, "no deletion of the user is on hold at miestro, and nothing was changed"},
		{ops.ApproveOptions{User: "u1", Vendor: "lead"}, false, "the deletion of the user at lead, on hold since 2026-09-01T12:00:00Z, goes on: approved until "},
		{ops.ApproveOptions{User: "u1", For: time.Minute}, false, "the deletion of the user at meiro, on hold since "},
	} {
		done, err := s.ApproveDeletions(t.Context(), step.options, ops.Actor{Who: "ann"})
		if err != nil || done.Nothing() != step.nothing || !strings.Contains(done.String(), step.want) {
			t.Errorf("%+v: got %q (%v), want %q", step.options, done, err, step.want)
		}
	}
	r, err := deletionguard.Read(t.Context(), control, deletionguard.KeyOf("lead"))
	if _, approved := r.Users[record.Digest("u1")]; err != nil || !approved || len(r.Users) != 1 || r.Why == "" || !r.Approved.IsZero() {
		t.Errorf("got %+v (%v), want a hold with one approved user", r, err)
	}
	var audit []string
	for a, err := range b.Audit.List(t.Context(), streams.AuditQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind != streams.DeletionsApproved || a.User != record.Digest("u1") || a.Until.IsZero() {
			t.Errorf("got %+v in the audit log", a)
		}
		audit = append(audit, a.Vendor)
	}
	if got := strings.Join(audit, " "); got != "lead lead meiro" && got != "meiro lead lead" {
		t.Errorf("got %q in the audit log, want an entry for each approval", got)
	}
}
