// Package filetest tests the description of an API against a stand-in made from it: the conformance
// suite, and a trial of "once" under faults.
package filetest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/vendortest"
)

// course is a course of the stand-in.
const course = "101"

// Run runs the trial of "once" and the conformance suite of a file.
func Run(t *testing.T, f *httpapi.File) {
	t.Run("once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, fault := range Once(f) {
				t.Error(fault)
			}
		})
	})
	Answers(t, f)
}

// Answers runs the conformance suite of a file.
func Answers(t *testing.T, f *httpapi.File) { vendortest.Run(t, Suite(f)) }

// Suite returns the conformance suite of a file against its stand-in. The groups left out compare
// with facts that only a stand-in in Go has.
func Suite(f *httpapi.File) vendortest.Suite {
	s := vendortest.Suite{
		Name: f.Name, FakeVendor: func() http.Handler { return httpapi.NewStandIn(f) }, OwnRules: true, Course: course,
		New:        func(s vendors.Settings) (vendors.Adapter, error) { return adapter(f, s) },
		Secrets:    []string{httpapi.TestSecret},
		Groups:     []string{"status", "retry after", "redirect", "slow", "garbage", "lost answer", "late"},
		Repeatable: []string{vendortest.Find, vendortest.List, vendortest.Show, vendortest.Courses, vendortest.Enrolled},
	}
	addressed := slices.Contains(f.Operations(), "create") && !slices.Contains(f.Operations(), "find")
	for _, op := range []string{vendortest.Create, vendortest.Delete, vendortest.Enroll, vendortest.Track} {
		if f.Repeats(op) && (op != vendortest.Create || addressed) {
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

// adapter returns the adapter of a file, with settings for a stand-in.
func adapter(f *httpapi.File, s vendors.Settings) (vendors.Adapter, error) {
	c, err := httpapi.TestConfig(f, s)
	if err != nil {
		return nil, err
	}
	return httpapi.New(c)
}
