package console

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

func TestHeadline(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	since, until := now.Add(-3*time.Minute), now.Add(time.Hour)
	hold := &ops.DeletionHold{Since: since, Why: "too many"}
	vendor := func(name, state string, dead int) ops.VendorStatus {
		return ops.VendorStatus{Vendor: name, State: state, Since: &since, Until: &until, Dead: dead}
	}
	heldAt := vendor("lead", ops.Serving, 0)
	heldAt.Deletions = hold
	tried := vendor("lead", ops.Serving, 0)
	tried.Failed = &ops.FailedTries{Users: 1}
	for name, c := range map[string]struct {
		status ops.Status
		held   int
		want   []phrase
	}{
		"nothing is served": {},
		"all fine":          {ops.Status{Vendors: []ops.VendorStatus{vendor("lead", ops.Serving, 0), vendor("meiro", ops.Idle, 0)}}, 0, []phrase{{Text: "2 vendors fine"}}},
		"problems come first": {
			ops.Status{Events: 2, Webhooks: 1, Deletions: hold, Filling: []ops.FillingStream{{Usage: streams.Usage{Stream: "EVENTS"}, Percent: 81}}, Vendors: []ops.VendorStatus{vendor("a", ops.Serving, 11), vendor("lead", ops.OnHold, 1), vendor("p", ops.Paused, 0), vendor("w", ops.Stalled, 0), vendor("o", ops.Off, 0)}},
			3,
			[]phrase{
				{"lead on hold for 3 min", "/console/vendors/lead", true},
				{"w has no worker", "/console/vendors/w", true},
				{"EVENTS 81 % full", "https://github.com/usherhq/usher/blob/main/docs/operating.md", true},
				{"15 dead letters wait", "/console/dead", true},
				{"3 deletions held", "/console/deletions", true},
				{"p paused until " + until.Format(time.DateTime) + " UTC", "/console/vendors/p", false},
				{"o off", "/console/vendors/o", false},
				{Text: "1 vendor fine"},
			},
		},
		"failed tries": {
			ops.Status{Vendors: []ops.VendorStatus{tried, vendor("miestro", ops.Failing, 0), vendor("b", ops.Serving, 0)}},
			0,
			[]phrase{{"miestro fails for 3 min", "/console/vendors/miestro", true}, {"1 user of lead waits after failed tries", "/console/vendors/lead", false}, {Text: "1 vendor fine"}},
		},
		"deletions of one vendor, not counted": {
			ops.Status{Vendors: []ops.VendorStatus{heldAt, vendor("b", ops.Serving, 1)}},
			-1,
			[]phrase{{"1 dead letter waits", "/console/dead", true}, {"deletions are held", "/console/deletions", true}, {Text: "2 vendors fine"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, headline(c.status, c.held, now)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestProblemsComeFirst(t *testing.T) {
	list := []ops.VendorStatus{
		{Vendor: "fine", State: ops.Serving},
		{Vendor: "paused", State: ops.Paused},
		{Vendor: "dead", State: ops.Serving, Dead: 1},
		{Vendor: "held", State: ops.Serving, Deletions: &ops.DeletionHold{}},
		{Vendor: "tried", State: ops.Serving, Failed: &ops.FailedTries{Users: 1}},
		{Vendor: "fails", State: ops.Failing},
		{Vendor: "hold", State: ops.OnHold},
	}
	slices.SortStableFunc(list, func(a, b ops.VendorStatus) int { return urgency(a) - urgency(b) })
	var got []string
	for _, v := range list {
		got = append(got, v.Vendor)
	}
	if diff := cmp.Diff([]string{"fails", "hold", "held", "dead", "paused", "tried", "fine"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
