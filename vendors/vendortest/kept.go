package vendortest

import (
	"net/http"
	"testing"

	"github.com/usherhq/usher/vendors/sandbox"
)

// Kept is a fake vendor whose accounts the suite sees, and adds to as a person would. The groups lists,
// staff and matching need one; the group changes needs the sandbox.
type Kept interface {
	http.Handler
	State() sandbox.VendorState
	ChangeManually(a sandbox.ManualAction, email string) error
}

// boxed is a vendor of the sandbox, behind the contract of its API.
type boxed struct {
	http.Handler
	box  *sandbox.Sandbox
	name string
}

func (b boxed) State() sandbox.VendorState { return b.box.State().Vendors[b.name] }

func (b boxed) ChangeManually(a sandbox.ManualAction, email string) error {
	return b.box.ChangeManually(b.name, a, email)
}

// keeps reports whether the accounts of the fake vendor can be seen.
func (s Suite) keeps() bool {
	if s.FakeVendor == nil {
		return true
	}
	_, ok := s.FakeVendor().(Kept)
	return ok
}

// kept returns a new fake vendor whose accounts can be seen, and the base URL.
func (s Suite) kept(t *testing.T, sw sandbox.Switches) (fake Kept, baseURL string) {
	t.Helper()
	if s.FakeVendor != nil {
		return s.FakeVendor().(Kept), "http://" + host //nolint:forcetypeassert // keeps was asked
	}
	box, err := sandbox.New(sandbox.Config{Switches: sw}.With(s.Name))
	if err != nil {
		t.Fatal(err)
	}
	_, handler := behindContract(t, s.Name, box)
	return boxed{handler, box, s.Name}, box.BaseURLs(host)[s.Name]
}
