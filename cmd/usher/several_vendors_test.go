package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestSeveralVendors gives several vendors to each command that takes vendors.
func TestSeveralVendors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	t.Run("pause and resume", func(t *testing.T) { w.with(t).pauseSeveral() })
	t.Run("dead letters", func(t *testing.T) { w.with(t).deadOfSeveral() })
	t.Run("deletions", func(t *testing.T) { w.with(t).approveSeveral() })
	w.end()
}

// pausedNow returns the names of the paused vendors.
func (w *world) pausedNow() (list []string) {
	w.t.Helper()
	var status ops.Status
	if err := json.Unmarshal([]byte(w.must("status", "--json")), &status); err != nil {
		w.t.Fatal(err)
	}
	for _, v := range status.Vendors {
		if v.State == ops.Paused {
			list = append(list, v.Vendor)
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) pauseSeveral() {
	w.t.Helper()
	var states []ops.PauseState
	if err := json.Unmarshal([]byte(w.must("pause", "lead", "meiro", "--for", "1h", "--json")), &states); err != nil || len(states) != 2 {
		w.t.Errorf("got %v and %v, want a list of two states", states, err)
	}
	if diff := cmp.Diff([]string{"lead", "meiro"}, w.pausedNow()); diff != "" {
		w.t.Errorf("paused (-want +got)\n%s", diff)
	}
	if _, err := w.try("pause", "miestro", "nobody"); err == nil || !strings.Contains(err.Error(), "there is no vendor nobody") {
		w.t.Errorf("got %v, want an error for the unknown vendor", err)
	}
	if out := w.must("resume", "lead", "meiro"); strings.Count(out, "\n") != 2 {
		w.t.Errorf("got %q, want a line for each vendor", out)
	}
	if list := w.pausedNow(); len(list) > 0 {
		w.t.Errorf("%v are paused, want none: with an unknown vendor nothing is done", list)
	}
}

func (w *world) deadOfSeveral() {
	w.t.Helper()
	set := w.set()
	for _, vendor := range []string{"lead", "meiro", "miestro"} {
		w.addDeadLetter(set, "s-"+vendor, time.Hour, func(d *streams.DeadLetter) { d.Vendor = vendor })
	}
	two := []string{"--vendor", "lead", "--vendor", "meiro"}
	want := map[string]string{"s-lead": ops.DeadWaiting, "s-meiro": ops.DeadWaiting}
	if diff := cmp.Diff(want, w.states(two...)); diff != "" {
		w.t.Errorf("list (-want +got)\n%s", diff)
	}
	if _, err := w.try("dead", "list", "--vendor", "lead", "--vendor", "nobody"); err == nil || !strings.Contains(err.Error(), "there is no vendor nobody") {
		w.t.Errorf("got %v, want an error for the unknown vendor", err)
	}
	dry := w.must(append([]string{"dead", "replay", "--all", "--max", "9", "--dry-run"}, two...)...)
	if !strings.Contains(dry, "s-lead") || !strings.Contains(dry, "s-meiro") || strings.Contains(dry, "s-miestro") {
		w.t.Errorf("dry run: got\n%s", dry)
	}
	w.must(append([]string{"dead", "drop", "--all", "--yes", "--reason", "a test"}, two...)...)
	if diff := cmp.Diff(map[string]string{"s-miestro": ops.DeadWaiting}, w.states()); diff != "" {
		w.t.Errorf("left after the drop (-want +got)\n%s", diff)
	}
	w.must("dead", "drop", "--all", "--yes", "--vendor", "miestro", "--vendor", streams.EventPlace, "--reason", "a test")
}

func (w *world) approveSeveral() {
	w.t.Helper()
	two := []string{"approve", "deletions", "--vendor", "meiro", "--vendor", "lead", "--vendor", "lead", "--reason", "a test"}
	out := w.must(append(two, "--for", "20m")...)
	for _, vendor := range []string{"lead", "meiro"} {
		if strings.Count(out, "deletions at "+vendor+" were not on hold") != 1 {
			w.t.Errorf("got\n%s\nwant %s in it once", out, vendor)
		}
	}
	var status ops.Status
	if err := json.Unmarshal([]byte(w.must("status", "--json")), &status); err != nil {
		w.t.Fatal(err)
	}
	for _, v := range status.Vendors {
		if approved := v.Approved != nil; approved != (v.Vendor == "lead" || v.Vendor == "meiro") {
			w.t.Errorf("%s is approved: %t", v.Vendor, approved)
		}
	}
	var ended ops.Approval
	if err := json.Unmarshal([]byte(w.must(append(two, "--end", "--json")...)), &ended); err != nil || len(ended.Vendors) != 2 {
		w.t.Errorf("got %+v and %v, want the ends at two vendors", ended, err)
	}
	if out := w.must(append(two, "--end")...); strings.Count(out, "no approval is in force at ") != 2 {
		w.t.Errorf("got\n%s\nwant both unchanged", out)
	}
	if out := w.must("approve", "deletions", "--list", "--vendor", "lead", "--vendor", "meiro"); out != "" {
		w.t.Errorf("got held deletions\n%s", out)
	}
}
