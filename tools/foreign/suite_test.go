package foreign_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/tools/foreign"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest"
)

// TestMain fails if the tests leave a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// suite returns the conformance suite of the client at a server.
func suite(server func() http.Handler, update string) vendortest.Suite {
	unusable := vendors.Unusable
	return vendortest.Suite{
		Name:       "scim",
		FakeVendor: server,
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := scim.Defaults()
			c.Settings, c.Token, c.Update = s, foreign.Token, update
			return scim.New(c)
		},
		Secrets:    []string{foreign.Token},
		Course:     foreign.Groups[0],
		Repeatable: []string{vendortest.Delete},
		Verdict: func(_ string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL
			return &unusable, status == http.StatusNotFound
		},
	}
}

// elimity returns a new server.
func elimity(t *testing.T) http.Handler {
	t.Helper()
	handler, err := foreign.Elimity()
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func TestSuiteAtElimity(t *testing.T) {
	vendortest.Run(t, suite(func() http.Handler { return elimity(t) }, scim.UpdatePatch))
}

func TestJourneyAtElimity(t *testing.T) {
	for _, update := range []string{scim.UpdatePatch, scim.UpdatePut} {
		t.Run(update, func(t *testing.T) { journey(t, elimity(t), update) })
	}
}
