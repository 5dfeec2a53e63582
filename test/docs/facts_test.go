package docs_test

import (
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestFigures compares the figures repeated by pages with docs/benchmarks.md. After a new
// measurement the test lists the texts to change.
func TestFigures(t *testing.T) {
	measured := string(load(t, "docs/benchmarks.md"))
	for page, figures := range map[string]map[string]string{
		"docs/comparison.md": {
			"3.6 times what Bento": "made 3.63 times as many",
			"0.86 of a bare loop":  "usher = 0.86 × bare loop, 1 KV",
		},
		"docs/operating.md": {
			"one process made 198 a second":   "| usher | 198 | 198 |",
			"four made 768":                   "| usher × 4 | 768 | 768 |",
			"151 MB at most with 100,000":     "151 MB at most;",
			"at a time each: 246 to":          "| 246 MB |",
			"0.11 s for 1,000 activities":     "| 0.11 | 0.03 | 209 |",
			"0.94 s for 1,000 events at five": "| 0.94 | 0.32 | 1380 |",
		},
	} {
		text := strings.Join(strings.Fields(string(load(t, page))), " ")
		for said, source := range figures {
			if !strings.Contains(text, said) {
				t.Errorf("%s does not contain %q: change the test with the page", page, said)
			}
			if !strings.Contains(measured, source) {
				t.Errorf("%s contains %q, but docs/benchmarks.md no longer contains %q", page, said, source)
			}
		}
	}
}

// TestPackages checks that every public package has a package comment, and an example or a reason in
// docs/library.md.
func TestPackages(t *testing.T) {
	page := string(load(t, "docs/library.md"))
	found := 0
	for _, name := range []string{"events", "schemas", "handlers", "vendors", "vendors/*"} {
		folders, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			p := packageOf(t, folder)
			if p == nil {
				continue
			}
			found++
			if !strings.HasPrefix(p.Doc, "Package "+p.Name+" ") {
				t.Errorf("%s has no package comment", folder)
			}
			if rel, err := filepath.Rel(root, folder); err != nil || !strings.Contains(page, "(../"+filepath.ToSlash(rel)+")") {
				t.Errorf("docs/library.md does not name %s: %v", path.Base(folder), err)
			}
		}
	}
	if found < 11 {
		t.Errorf("found %d packages: have packages moved?", found)
	}
}

// packageOf returns the package in a folder without tests, or nil.
func packageOf(t *testing.T, folder string) *doc.Package {
	t.Helper()
	files := token.NewFileSet()
	found, err := parser.ParseDir(files, folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, parser.ParseComments) //nolint:staticcheck // one package a folder, without tags
	if err != nil {
		return nil // a file, not a folder
	}
	for _, p := range found {
		return doc.New(p, folder, 0)
	}
	return nil
}
