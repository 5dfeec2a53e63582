//go:build recovery_upgrade

package recovery_test

import (
	"cmp"
	"context"
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/tools/recovery"
)

var formerCommit = flag.String("recovery.former", "", "the commit or tag of the former version; default the last tag, or 100 commits ago")

// TestUpgrade replaces the processes of a former version under load. The test has a build tag, since the
// former version is built from the history of the repository.
func TestUpgrade(t *testing.T) {
	commit := cmp.Or(*formerCommit, former(t))
	file := buildAt(t, commit)
	for _, vendor := range []string{"miestro", "meiro", "usermost"} {
		t.Run(vendor, func(t *testing.T) {
			r := &recovery.UpgradeReport{Vendor: vendor, Former: commit}
			err := recovery.Upgrade(t.Context(), config(t), file, r)
			judge(t, r, r.Faults, err)
			if r.Replaced != 2 || r.Events < 50 || r.Enrolments < 5 || r.Activities < 5 && vendor != "miestro" {
				t.Errorf("got %+v, want two replacements under load", r)
			}
		})
	}
}

// former returns the last tag, or the commit of 100 commits ago.
func former(t *testing.T) string {
	t.Helper()
	if tag, err := output(t.Context(), "git", "describe", "--tags", "--abbrev=0"); err == nil {
		return tag
	}
	commit, err := output(t.Context(), "git", "rev-list", "--skip=100", "--max-count=1", "HEAD")
	if err != nil || commit == "" {
		t.Fatalf("no former commit: %v: the whole history is needed", err)
	}
	return commit
}

// buildAt builds usher of a commit, and returns the path of the program.
func buildAt(t *testing.T, commit string) string {
	t.Helper()
	dir := t.TempDir()
	tree, file := filepath.Join(dir, "tree"), filepath.Join(dir, "usher-former")
	for _, args := range [][]string{
		{"git", "clone", "--quiet", "--shared", "--no-checkout", filepath.Join("..", ".."), tree},
		{"git", "-C", tree, "checkout", "--quiet", "--detach", commit},
		{"go", "build", "-C", tree, "-o", file, "./cmd/usher"},
	} {
		if out, err := output(t.Context(), args...); err != nil {
			t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	return file
}

func output(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
