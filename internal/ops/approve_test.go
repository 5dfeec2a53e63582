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
		{false, ops.ApproveOptions{End: true}, "the approval of deletions is over, instead of at", streams.DeletionsApproved},
		{true, ops.ApproveOptions{Drop: true}, "20 deletions\nthe deletions registered before now become dead letters", streams.DeletionsDropped},
		{true, ops.ApproveOptions{}, "20 deletions\nthey go on", streams.DeletionsApproved},
	}
	var want []string
	for _, step := range steps {
		if step.hold {
			if _, err := deletionguard.Change(t.Context(), control, deletionguard.Key, hold); err != nil {
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
	if r, err := deletionguard.Read(t.Context(), control, deletionguard.Key); err != nil || r.Why != "" || time.Until(r.Approved) < ops.DefaultApproval/2 {
		t.Errorf("got the record %+v (%v), want an approval for %s", r, err, ops.DefaultApproval)
	}
}

// TestApproveDeletionsOfAVendor decides about one vendor, under holds of the vendor and of all.
// Decisions about all vendors end the holds of single vendors, too.
func TestApproveDeletionsOfAVendor(t *testing.T) {
	t.Parallel()
	held := deletionguard.Record{Held: time.Now(), Why: "20 deletions"}
	approved := deletionguard.Record{Approved: time.Now().Add(time.Hour)}
	const lead, meiro = "deletions.lead", "deletions.meiro"
	type records map[string]deletionguard.Record
	cases := map[string]struct {
		stored  records
		options ops.ApproveOptions
		want    string   // the outcome
		changed []string // keys of changed records
		vendor  string   // in the audit log; empty: no entry
	}{
		"a hold of the vendor": {
			records{lead: held, meiro: held},
			ops.ApproveOptions{Vendor: "lead"},
			"deletions at lead were on hold",
			[]string{lead},
			"lead",
		},
		"dropped at the vendor": {
			records{lead: held},
			ops.ApproveOptions{Vendor: "lead", Drop: true},
			"the deletions at lead registered before now become dead letters",
			[]string{lead},
			"lead",
		},
		"a hold of all vendors": {
			records{deletionguard.Key: held},
			ops.ApproveOptions{Vendor: "lead", Drop: true},
			"deletions at lead were on hold",
			[]string{lead},
			"lead",
		},
		"another vendor": {
			records{lead: held},
			ops.ApproveOptions{Vendor: "meiro", Drop: true},
			"no deletion is on hold at meiro: nothing was dropped", nil, "",
		},
		"in advance": {
			records{},
			ops.ApproveOptions{Vendor: "lead", For: time.Minute},
			"deletions at lead were not on hold\nthey go on",
			[]string{lead},
			"lead",
		},
		"an end": {
			records{lead: approved, deletionguard.Key: approved},
			ops.ApproveOptions{Vendor: "lead", End: true},
			"the approval of deletions at lead is over, instead of at",
			[]string{lead},
			"lead",
		},
		"an end without an approval": {
			records{deletionguard.Key: approved},
			ops.ApproveOptions{Vendor: "lead", End: true},
			"no approval is in force at lead", nil, "",
		},
		"all vendors": {
			records{deletionguard.Key: held, lead: held, meiro: {}},
			ops.ApproveOptions{},
			"deletions at lead were on hold",
			[]string{deletionguard.Key, lead},
			"all",
		},
		"all vendors, a hold of one": {
			records{lead: held},
			ops.ApproveOptions{Drop: true},
			"deletions at lead were on hold",
			[]string{lead},
			"all",
		},
		"the approvals of all vendors": {
			records{lead: approved, meiro: held},
			ops.ApproveOptions{End: true},
			"the approval of deletions at lead is over, instead of at",
			[]string{lead},
			"all",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, set := newService(t, "lead", "meiro")
			control, err := set.Control.Records(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for key, r := range c.stored {
				if _, err := deletionguard.Change(t.Context(), control, key, func(now *deletionguard.Record) { *now = r }); err != nil {
					t.Fatal(err)
				}
			}
			done, err := s.ApproveDeletions(t.Context(), c.options, ops.Actor{Who: "ann"})
			if err != nil || !strings.Contains(done.String(), c.want) {
				t.Errorf("got %q (%v), want %q in it", done, err, c.want)
			}
			var changed []string
			for _, key := range []string{deletionguard.Key, lead, meiro} {
				r, err := deletionguard.Read(t.Context(), control, key)
				if err != nil {
					t.Fatal(err)
				}
				was := c.stored[key]
				if r.Why != was.Why || !r.Approved.Equal(was.Approved) || !r.Dropped.IsZero() {
					changed = append(changed, key)
				}
				if !c.options.End && len(changed) > 0 && changed[len(changed)-1] == key && r.Dropped.IsZero() == c.options.Drop {
					t.Errorf("%s: got %+v", key, r)
				}
			}
			if strings.Join(changed, " ") != strings.Join(c.changed, " ") {
				t.Errorf("got %v changed, want %v", changed, c.changed)
			}
			vendor := ""
			for a, err := range set.Audit.List(t.Context(), streams.AuditQuery{}) {
				if err != nil {
					t.Fatal(err)
				}
				vendor += a.Vendor
			}
			if vendor != c.vendor {
				t.Errorf("got the vendor %q in the audit log, want %q", vendor, c.vendor)
			}
		})
	}
}
