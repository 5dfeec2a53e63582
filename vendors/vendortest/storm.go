package vendortest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// Storm creates users and deletes every third user at a fake vendor that fails three of ten
// calls, with a look-up before each creation, like the handlers. In the end every user must
// have exactly one account, live or deleted.
func Storm(t *testing.T, vendor string, connect func(vendors.Settings) (vendors.Adapter, error)) {
	synctest.Test(t, func(t *testing.T) { storm(t, vendor, connect) })
}

func storm(t *testing.T, vendor string, connect func(vendors.Settings) (vendors.Adapter, error)) {
	t.Helper()
	const people, tries = 12, 60
	box, err := sandbox.New(sandbox.Config{Seed: 1, Faults: 0.3}.With(vendor))
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := connect(vendors.Settings{BaseURL: box.BaseURLs(host)[vendor], HTTP: memnet.Serve(t, box.Handler())})
	if err != nil {
		t.Fatal(err)
	}
	for n := range people {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n), FirstName: "Person"}
		var account vendors.Account
		insist(t, tries, func() error {
			account, err = ensure(t, adapter, u)
			return err
		})
		if d, ok := vendors.Port[vendors.Deprovisioner](adapter); ok && n%3 == 0 {
			insist(t, tries, func() error { return d.Delete(t.Context(), origin, account) })
		}
	}
	state := box.State().Vendors[vendor]
	if twins := state.Twins(); len(twins) > 0 {
		t.Errorf("got twins: %+v", twins)
	}
	if made, live := len(state.Users), len(state.Live()); made != people || live != people-people/3 {
		t.Errorf("got %d accounts made and %d live, want %d and %d", made, live, people, people-people/3)
	}
}

// ensure looks up the account, and creates a missing account.
func ensure(t *testing.T, adapter vendors.Adapter, u vendors.User) (vendors.Account, error) {
	account, err := portOf[vendors.Finder](adapter).Find(t.Context(), u)
	if errors.Is(err, vendors.ErrNotFound) {
		return portOf[vendors.Provisioner](adapter).Create(t.Context(), origin, u)
	}
	return account, err
}

// insist retries until success; an error that is not Again fails the test.
func insist(t *testing.T, tries int, do func() error) {
	t.Helper()
	for range tries {
		err := do()
		if err == nil {
			return
		}
		if vendors.ClassOf(err) != vendors.Again {
			t.Fatalf("got class %v, want again: %v", vendors.ClassOf(err), err)
		}
	}
	t.Fatalf("gave up after %d tries", tries)
}
