package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/bench"
	"github.com/usherhq/usher/vendors/sandbox"
)

// benchmarks is a bench of this binary, which script tests know as usher.
func benchmarks(t *testing.T) bench.Config {
	t.Helper()
	program, err := exec.LookPath("usher")
	if err != nil {
		t.Fatal(err)
	}
	return bench.Config{Program: program, Environ: sandbox.Environ, Dir: t.TempDir()}
}

// A bench prints what scripts go by, and leaves nothing behind.
func TestBenchJSON(t *testing.T) {
	c := benchmarks(t)
	bench := exec.CommandContext(t.Context(), c.Program, "bench", "--events", "300", "--rate", "400", "--rounds", "1", "--json")
	bench.Env = append(os.Environ(), "TMPDIR="+c.Dir)
	out, err := bench.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var report struct {
		Date, Command string
		Machine       struct{ Cores int }
		Versions      map[string]string
		Series        []struct {
			Events  int
			Medians []map[string]any
			Ratios  []map[string]any
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if report.Date == "" || report.Machine.Cores == 0 || report.Versions["nats-server"] == "" || len(report.Series) != 1 {
		t.Fatalf("something is missing in\n%s", out)
	}
	series := report.Series[0]
	if series.Events != 300 || len(series.Medians) != 2 || len(series.Ratios) != 1 {
		t.Fatalf("got %+v", series)
	}
	for _, run := range series.Medians {
		for _, figure := range []string{
			"events_per_second", "calls_per_second", "publish_to_call_p50_ms", "publish_to_call_p99_ms",
			"publish_to_result_p50_ms", "publish_to_result_p99_ms", "cpu_seconds_per_1000_events", "allocations_per_event",
		} {
			if n, _ := run[figure].(float64); n <= 0 {
				t.Errorf("%s: %s is %v", run["contestant"], figure, run[figure])
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(c.Dir, "usher-bench-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// The bare loop makes the very calls that usher makes, or their ratio says nothing.
func TestBenchMeasuresTheSameWork(t *testing.T) {
	load, err := bench.LoadNamed("lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	var report bench.Report
	err = benchmarks(t).Measure(t.Context(), bench.Plan{
		Name: "lifecycle", Load: load, Events: 1000, Concurrency: 32, Rounds: 1,
		Contestants: []bench.Contestant{{Name: "bare", Kind: bench.Bare, Writes: 2}, {Name: "usher", Kind: bench.Usher}},
	}, &report)
	if err != nil {
		t.Fatal(err)
	}
	runs := report.Series[0].Medians
	const room = 50 // in 5,800: what is tried again on a busy machine, and usher finding out who it is
	if bare, usher := runs[0].Asked, runs[1].Asked; usher < bare-room || usher > bare+room {
		t.Errorf("the bare loop made %d calls, usher %d", bare, usher)
	}
}

// A contestant that brings no results has not been fast: its run fails.
func TestBenchNoticesLoss(t *testing.T) {
	c := benchmarks(t)
	c.Patience = 500 * time.Millisecond
	c.Peer = filepath.Join(c.Dir, "idler")
	if err := os.WriteFile(c.Peer, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	load, err := bench.LoadNamed("activity")
	if err != nil {
		t.Fatal(err)
	}
	var report bench.Report
	err = c.Measure(t.Context(), bench.Plan{
		Name: "activity", Load: load, Events: 10, Concurrency: 4, Rounds: 1,
		Contestants: []bench.Contestant{{Name: "idler", Kind: bench.Peer}},
	}, &report)
	if err == nil || !strings.Contains(err.Error(), "idler: 10 of 10 results are lost") {
		t.Errorf("got %v, want that 10 results are lost", err)
	}
	if len(report.Series) > 0 {
		t.Error("there are figures of a run that failed")
	}
}
