package bench_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/tools/bench"
)

// programs returns a directory with programs of these names.
func programs(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestFindPostgres checks that only a directory with both programs is found.
func TestFindPostgres(t *testing.T) {
	whole, half := programs(t, "initdb", "postgres"), programs(t, "postgres")
	for name, test := range map[string]struct{ dir, path, want, fault string }{
		"the flag":                   {dir: whole, path: half, want: whole},
		"the flag, with one program": {dir: half, path: whole, fault: "has no initdb and postgres"},
		"PATH":                       {path: half + string(filepath.ListSeparator) + whole, want: whole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", test.path)
			got, err := bench.FindPostgres(test.dir)
			if got != test.want || (err == nil) != (test.fault == "") {
				t.Fatalf("got %q, %v, want %q and an error with %q", got, err, test.want, test.fault)
			}
			if err != nil && !strings.Contains(err.Error(), test.fault) {
				t.Errorf("got %v, want %q", err, test.fault)
			}
		})
	}
}
