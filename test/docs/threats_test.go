package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatModel checks that each row of the threat model names tests, and that one test has each name.
func TestThreatModel(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, model, _ := strings.Cut(string(page), "\n## Threat model\n")
	model, _, _ = strings.Cut(model, "\n## ")
	tests := testNames(t)
	attackers := map[string]bool{}
	for line := range strings.Lines(model) {
		cells := strings.Split(strings.Trim(line, "|\n "), "|")
		if len(cells) != 3 || strings.HasPrefix(cells[0], "---") || strings.TrimSpace(cells[0]) == "attacker" {
			continue
		}
		attackers[strings.TrimSpace(cells[0])] = true
		named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(cells[2], -1)
		if len(named) == 0 {
			t.Errorf("no test shows: %s", cells[1])
		}
		for _, name := range named {
			if tests[name[1]] != 1 {
				t.Errorf("there are %d tests %s, want one that shows: %s", tests[name[1]], name[1], cells[1])
			}
		}
	}
	if len(attackers) < 7 {
		t.Errorf("got %d attackers in the threat model, want seven at least", len(attackers))
	}
}

// testNames returns the number of tests of each name in the repository.
func testNames(t *testing.T) map[string]int {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)`)
	names := map[string]int{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == ".git") {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(text, -1) {
			names[string(found[1])]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
