//go:build river

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBenchAtRiver checks the contestant on River and the goal of usher beside it, and that neither
// files nor processes of PostgreSQL remain.
func TestBenchAtRiver(t *testing.T) {
	c := benchmarks(t)
	bench := exec.CommandContext(t.Context(), c.Self, "--usher", c.Usher, "--river", "--sync-always", "--events", "300", "--rounds", "1")
	dir, err := os.MkdirTemp("", "river") //nolint:usetesting // closed to the user of PostgreSQL
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	bench.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := bench.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"River = ", " × River ("} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("files remain: %v %v", left, err)
	}
}
