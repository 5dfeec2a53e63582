package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/tools/bench"
	"github.com/usherhq/usher/tools/process"
)

// programs holds the binaries under test, built once.
var programs struct{ usher, self string }

func TestMain(m *testing.M) { os.Exit(withPrograms(m)) }

// withPrograms builds the programs, runs the tests, and returns their exit code.
func withPrograms(m *testing.M) int {
	dir, err := os.MkdirTemp("", "usher-bench-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		programs.usher, programs.self = filepath.Join(dir, "usher"), filepath.Join(dir, "usher-bench")
		err = errors.Join(
			process.Build(context.Background(), programs.usher, process.Usher),
			exec.Command("go", "build", "-o", programs.self, ".").Run(),
		)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// benchmarks returns the configuration for the programs under test.
func benchmarks(t *testing.T) bench.Config {
	t.Helper()
	return bench.Config{Usher: programs.usher, Self: programs.self, Dir: t.TempDir()}
}

// TestUsage checks exit codes and messages of wrong arguments.
func TestUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":            {[]string{"--help"}, 0, "Examples:"},
		"an unknown flag": {[]string{"--nothing"}, 2, "unknown flag --nothing"},
		"an unknown load": {[]string{"--load", "nothing"}, 2, "unknown load"},
		"too many writes": {[]string{"--kv-writes", "3"}, 2, "kv-writes must be 0, 1 or 2"},
		"too few events":  {[]string{"--rate", "100", "--events", "50"}, 2, "use more events"},
		"no PostgreSQL":   {[]string{"--river", "--postgres", "."}, 2, "the directory has no initdb and postgres"},
		"only a folder":   {[]string{"--postgres", "."}, 2, "--postgres needs --river"},
		"a mere cluster":  {[]string{"--cluster", "placed"}, 2, "--cluster needs --accounts"},
		"no such cluster": {[]string{"--cluster", "nothing", "--accounts", "10"}, 2, "replicated"},
		"River's load":    {[]string{"--river", "--load", "lifecycle"}, 2, "support the load activity only"},
		"no such usher":   {[]string{"--usher", "nothing"}, 2, "nothing"},
		"an unknown part": {[]string{"part", "nothing"}, 2, "unexpected argument nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), programs.self, test.args...)
			out, err := command.CombinedOutput()
			if got := command.ProcessState.ExitCode(); got != test.code || !strings.Contains(string(out), test.want) {
				t.Errorf("got %d (%v), want %d and %q in\n%s", got, err, test.code, test.want, out)
			}
			if test.code == 0 && strings.Contains(string(out), "Commands:") {
				t.Errorf("the help lists the hidden parts:\n%s", out)
			}
		})
	}
}

// TestBenchJSON checks the output for scripts, and that no files remain.
func TestBenchJSON(t *testing.T) {
	c := benchmarks(t)
	bench := exec.CommandContext(t.Context(), c.Self, "--usher", c.Usher, "--events", "300", "--rate", "400", "--rounds", "1", "--json")
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
		t.Errorf("files remain: %v %v", left, err)
	}
}

// TestSoakSendsEveryActivityOnce runs a soak of seconds: too short for a verdict on the memory.
func TestSoakSendsEveryActivityOnce(t *testing.T) {
	t.Parallel()
	soak, err := benchmarks(t).Soak(t.Context(), 50, 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if soak.Sent < 5 || soak.Goal.Met {
		t.Errorf("got %+v", soak)
	}
}

// TestInterruptedIsOneWord checks the output of an interrupted bench, and that no files remain.
func TestInterruptedIsOneWord(t *testing.T) {
	c, log := benchmarks(t), filepath.Join(t.TempDir(), "bench.log")
	p, err := process.Start(log, []string{"TMPDIR=" + c.Dir}, c.Self, "--usher", c.Usher, "--events", "300", "--rounds", "1", "--rate", "100")
	if err != nil {
		t.Fatal(err)
	}
	begun := process.Wait{For: "a round has begun", Needs: []*process.Process{p}}
	if err := begun.Until(t.Context(), func() bool { return strings.Contains(p.Output(), "round 1 of 1") }); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := p.Output(); !strings.HasSuffix(got, "\nusher-bench: interrupted") || p.ExitCode() != 1 {
		t.Errorf("got exit code %d and\n%s", p.ExitCode(), got)
	}
	if left, err := filepath.Glob(filepath.Join(c.Dir, "usher-bench-*")); err != nil || len(left) > 0 {
		t.Errorf("files remain: %v %v", left, err)
	}
}

// TestBenchMeasuresTheSameWork checks that the bare loop and usher make the same calls.
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
	const room = 50 // in 5,800: retries on a busy machine, and usher's look-up of the account
	if bare, usher := runs[0].Asked, runs[1].Asked; usher < bare-room || usher > bare+room {
		t.Errorf("the bare loop made %d calls, usher %d", bare, usher)
	}
}

// TestBenchNoticesLoss checks that a run without results fails.
func TestBenchNoticesLoss(t *testing.T) {
	t.Parallel()
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
		t.Errorf("got %v, want 10 lost results", err)
	}
	if len(report.Series) > 0 {
		t.Error("the failed run has figures")
	}
}
