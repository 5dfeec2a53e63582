//go:build scimmy

package foreign_test

import (
	"net/http"
	"testing"

	"github.com/usherhq/usher/tools/foreign"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/vendortest"
)

// startScimmy starts the server for one test.
func startScimmy(t *testing.T) *foreign.Scimmy {
	t.Helper()
	s, err := foreign.StartScimmy(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// storeAt returns a handler with a store of its own.
func storeAt(t *testing.T, s *foreign.Scimmy) http.Handler {
	t.Helper()
	handler, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func TestSuiteAtScimmy(t *testing.T) {
	server := startScimmy(t)
	vendortest.Run(t, suite(func() http.Handler { return storeAt(t, server) }, scim.UpdatePatch))
}

func TestJourneyAtScimmy(t *testing.T) {
	server := startScimmy(t)
	for _, update := range []string{scim.UpdatePatch, scim.UpdatePut} {
		t.Run(update, func(t *testing.T) { journey(t, storeAt(t, server), update) })
	}
}

func TestKillsAtScimmy(t *testing.T) { kills(t, storeAt(t, startScimmy(t))) }
