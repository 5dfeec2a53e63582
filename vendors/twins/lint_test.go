package twins_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/usherhq/usher/vendors/httpapi"
)

// Every file in the tree loads, and lint has nothing to say.
func TestFilesAreClean(t *testing.T) {
	var files []string
	for _, folder := range []string{".", "../../examples/vendors"} {
		found, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil || len(found) < 4 {
			t.Fatalf("%s: got %v, %v", folder, found, err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := httpapi.Lint(filepath.Base(path), text); err != nil {
				t.Error(err)
			}
			c := httpapi.Defaults()
			if err := c.Describe(filepath.Dir(path), filepath.Base(path)); err != nil {
				t.Fatal(err)
			}
			if keys := c.Keys(); len(keys) > 2 || !c.CanDelete() && c.CanDisable() {
				t.Errorf("got the keys %v", keys)
			}
		})
	}
}
