package httpapi_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/vendortest"
)

// fileSuite returns the conformance suite of a file against its stand-in.
func fileSuite(f *httpapi.File) vendortest.Suite {
	s := vendortest.Suite{
		Name: f.Name, FakeVendor: func() http.Handler { return httpapi.NewStandIn(f) }, OwnRules: true, Course: "101",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c, err := httpapi.TestConfig(f, s)
			if err != nil {
				return nil, err
			}
			return httpapi.New(c)
		},
		Secrets: []string{httpapi.TestSecret},
		Groups:  []string{"status", "lost answer", "late", "garbage", "redirect"},
	}
	for _, op := range []string{vendortest.Create, vendortest.Delete, vendortest.Enroll, vendortest.Track} {
		if f.Repeats(op) {
			s.Repeatable = append(s.Repeatable, op)
		}
	}
	if paths := f.LoginPaths(); len(paths) > 0 {
		s.Login = func(r *http.Request) bool {
			return slices.ContainsFunc(paths, func(path string) bool { return strings.HasSuffix(r.URL.Path, path) })
		}
	}
	return s
}

func TestStandIn(t *testing.T) {
	school, err := os.ReadFile("testdata/school.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"school": string(school), "skeleton": httpapi.Skeleton("acme"), "page": example(t)}
	more, err := filepath.Glob("testdata/forms/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range more {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".yaml")] = string(text)
	}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			f, err := httpapi.Parse(name, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			vendortest.Run(t, fileSuite(f))
		})
	}
}
