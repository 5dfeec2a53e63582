package httpapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
)

// parsed returns a file.
func parsed(t *testing.T, text string) *httpapi.File {
	t.Helper()
	f, err := httpapi.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStandIn(t *testing.T) {
	for name, text := range map[string]string{"skeleton": httpapi.Skeleton("acme"), "page": example(t)} {
		t.Run(name, func(t *testing.T) { filetest.Run(t, parsed(t, text)) })
	}
}

// TestOnceWithAllFiles runs the trial of "once" with every file of the tree.
func TestOnceWithAllFiles(t *testing.T) {
	paths := []string{}
	for _, pattern := range []string{"testdata/*.yaml", "../twins/*.yaml", "../../examples/vendors/*.yaml"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, more...)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := parsed(t, string(text))
			synctest.Test(t, func(t *testing.T) {
				for _, fault := range filetest.Once(f) {
					t.Error(fault)
				}
				for op, err := range filetest.Able(f) {
					if err != nil {
						t.Logf("the stand-in has no answer for %s: %v", op, err)
					}
				}
			})
		})
	}
}
