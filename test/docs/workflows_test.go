package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pinned is an action by its commit, with the version for people.
var pinned = regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

// TestActionsArePinned checks that workflows name each action by its commit: a tag can be moved.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", ".github", "workflows", "*.yml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("got %d workflows (%v), want 3", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			_, action, uses := strings.Cut(line, "uses: ")
			if action = strings.TrimSpace(action); uses && !pinned.MatchString(action) {
				t.Errorf("%s uses %s, want the commit and the version: owner/name@<40 hex digits> # v1.2.3", filepath.Base(file), action)
			}
		}
	}
}

// TestReleaseIsSigned checks the steps of the release that nothing here can run.
func TestReleaseIsSigned(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for place, c := range map[string]struct {
		text string
		want []string
	}{
		"release.yml":        {read(".github", "workflows", "release.yml"), []string{"id-token: write", "attestations: write", "subject-path: dist/*", "subject-digest: ${{ steps.image.outputs.digest }}", "push-to-registry: true"}},
		"release.sh":         {read("scripts", "release.sh"), []string{"\ngo mod verify", "SHA256SUMS"}},
		"release.Dockerfile": {read("deploy", "release.Dockerfile"), []string{"\nFROM scratch\n", "\nUSER 65532:65532\n"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s lacks %q", place, want)
			}
		}
		if strings.Count(c.text, "\nFROM ") > 1 {
			t.Errorf("%s has a base image", place)
		}
	}
}
