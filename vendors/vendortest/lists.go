package vendortest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// crowd is more than two pages of users of any vendor.
const crowd = 230

// lists checks that List returns every account of all pages once, with the staff marked, and
// that Show returns each account and no missing one.
func (s Suite) lists(t *testing.T) {
	if s.keeps() {
		synctest.Test(t, s.listsAndShows)
	}
}

// listsAndShows creates a crowd and compares the list.
func (s Suite) listsAndShows(t *testing.T) {
	fake, baseURL := s.kept(t, sandbox.Switches{})
	adapter, err := s.New(vendors.Settings{BaseURL: baseURL, Timeout: patient, HTTP: memnet.Serve(t, fake)})
	if err != nil {
		t.Fatal(err)
	}
	l, ok := vendors.Port[vendors.Lister](adapter)
	if !ok {
		return
	}
	for n := range crowd {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n), FirstName: "Person"}
		if _, err := portOf[vendors.Provisioner](adapter).Create(t.Context(), origin, u); err != nil {
			t.Fatal(err)
		}
	}
	s.listAll(t, fake, l)
	s.showAll(t, adapter, l)
	stop := errors.New("enough")
	times := 0
	if err := l.List(t.Context(), func(vendors.Listed) error { times++; return stop }); !errors.Is(err, stop) || times != 1 {
		t.Errorf("got %v after %d users, want the error of the first", err, times)
	}
}

// listAll compares the list with the state of the fake vendor.
func (s Suite) listAll(t *testing.T, fake Kept, l vendors.Lister) {
	t.Helper()
	if err := fake.ChangeManually(sandbox.AddStaff, "teacher@example.org"); err != nil {
		t.Fatal(err)
	}
	var got, want []vendors.Listed
	if err := l.List(t.Context(), func(one vendors.Listed) error { got = append(got, one); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, u := range fake.State().Live() {
		want = append(want, vendors.Listed{ID: u.ID, Email: u.Email, Staff: u.Staff})
	}
	for _, list := range [][]vendors.Listed{got, want} {
		slices.SortFunc(list, func(a, b vendors.Listed) int { return cmp.Compare(a.ID, b.ID) })
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the list differs from what the vendor holds (-want +got)\n%s", diff)
	}
}

// showAll shows one account of the list, before and after the deletion.
func (s Suite) showAll(t *testing.T, adapter vendors.Adapter, l vendors.Lister) {
	t.Helper()
	u := vendors.User{ID: "user-7", Email: "person+7@example.org"}
	account, err := portOf[vendors.Finder](adapter).Find(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	account.Email = u.Email
	if one, err := l.Show(t.Context(), account); err != nil || one.ID != account.ID || !vendors.SameEmail(one.Email, u.Email) || one.Deleted {
		t.Errorf("got %+v, %v, want the account", one, err)
	}
	if err := portOf[vendors.Deprovisioner](adapter).Delete(t.Context(), origin, account); err != nil {
		t.Fatal(err)
	}
	if one, err := l.Show(t.Context(), account); !errors.Is(err, vendors.ErrNotFound) && !one.Deleted {
		t.Errorf("got %+v, %v of a deleted account, want ErrNotFound", one, err)
	}
}
