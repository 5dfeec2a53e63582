package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/vendortest"
)

// adapter returns the adapter of a file with the token of the school.
func adapter(f *httpapi.File, s vendors.Settings) (*httpapi.Adapter, error) {
	c := httpapi.Defaults()
	c.Use(f)
	if err := c.Set("token", token); err != nil {
		return nil, err
	}
	rate := s.Rate
	c.Settings = s
	c.Rate = rate
	return httpapi.New(c)
}

// load returns the file at a path.
func load(t testing.TB, path string) *httpapi.File {
	t.Helper()
	f, err := httpapi.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSuite(t *testing.T) {
	f := load(t, "testdata/school.yaml")
	vendortest.Run(t, vendortest.Suite{
		Name:       "school",
		FakeVendor: func() http.Handler { return newSchool() },
		New:        func(s vendors.Settings) (vendors.Adapter, error) { return adapter(f, s) },
		Secrets:    []string{token}, Course: "101",
		Repeatable: []string{vendortest.Delete, vendortest.Track},
		Verdict:    verdict,
	})
}

// verdict returns the class of a status at every call: a missing list means a wrong base URL.
func verdict(port string, status int) (*vendors.Class, bool) {
	gone := status == http.StatusNotFound || status == http.StatusGone
	unusable := vendors.Unusable
	switch {
	case gone && port != vendortest.Enroll && port != vendortest.Track:
		return &unusable, true
	case status == http.StatusConflict && port == vendortest.Enroll:
		return nil, true
	}
	return nil, false
}
