package imports_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// opening matches a call that opens a named file for reading, and waits for ever at a pipe without a writer.
var opening = regexp.MustCompile(`\bos\.(Open|ReadFile)\(`)

// mayOpen are the files that may open a file without the package bounded, with the reason.
var mayOpen = map[string]string{
	"bounded/file.go":             "the rule itself",
	"internal/config/validate.go": "a regular file",
}

// TestNamedFilesAreBounded wants every named file to be read by the package bounded (docs/decisions, 0236).
func TestNamedFilesAreBounded(t *testing.T) {
	t.Parallel()
	var found []string
	for _, dir := range []string{"bounded", "cmd", "events", "handlers", "internal", "schemas", "vendors", "usher.go", "wire.go"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			text, err := os.ReadFile(path)
			if opening.Match(text) {
				found = append(found, filepath.ToSlash(strings.TrimPrefix(path, filepath.Join("..", "..")+string(filepath.Separator))))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range found {
		if mayOpen[path] == "" {
			t.Errorf("%s opens a file without the package bounded", path)
		}
	}
	for path := range mayOpen {
		if !slices.Contains(found, path) {
			t.Errorf("%s opens no file any more", path)
		}
	}
}
