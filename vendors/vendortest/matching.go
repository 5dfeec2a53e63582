package vendortest

import (
	"errors"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

// matching checks how look-ups find accounts not made by Usher: one, none for an unknown id,
// several as ErrAmbiguous until a person removes one, and the marks of a taken e-mail.
func (s Suite) matching(t *testing.T) {
	if !s.keeps() {
		return
	}
	for name, check := range map[string]func(*testing.T, environment, vendors.Provisioner){
		"by id": s.byID, "several": s.several, "taken": s.taken,
	} {
		Try(t, name, func(t *testing.T) {
			on := s.environment(t, sandbox.Switches{DuplicateEmail: "422"})
			_, ours := vendors.Port[vendors.Addresser](on.adapter)
			if p, ok := vendors.Port[vendors.Provisioner](on.adapter); ok && !ours {
				check(t, on, p)
			}
		})
	}
}

// byID looks up ids of ours. A vendor with our ids and a search for ids finds the account, and
// names the owner in every look-up; any other vendor finds nobody.
func (s Suite) byID(t *testing.T, on environment, p vendors.Provisioner) {
	byEmail, err := p.Find(t.Context(), vendors.User{Email: person.Email})
	if err != nil || byEmail.ID != on.account.ID {
		t.Fatalf("by e-mail: got %v, %v, want %v", byEmail, err, on.account)
	}
	found, err := p.Find(t.Context(), vendors.User{ID: person.ID})
	switch keeps := byEmail.Owner != ""; {
	case errors.Is(err, vendors.ErrNotFound): // some vendors show the id, and have no search for ids
	case keeps && (err != nil || found != byEmail || found.Owner != person.ID):
		t.Errorf("by id: got %v, %v, want %v of %s", found, err, byEmail, person.ID)
	case !keeps:
		t.Errorf("by id: got %v, %v, want ErrNotFound", found, err)
	}
	if other, err := p.Find(t.Context(), vendors.User{ID: stranger.ID}); !errors.Is(err, vendors.ErrNotFound) {
		t.Errorf("by the id of nobody: got %v, %v, want ErrNotFound", other, err)
	}
}

// several looks up an e-mail of two accounts, and again after a person removed one of the two.
func (s Suite) several(t *testing.T, on environment, p vendors.Provisioner) {
	u := vendors.User{Email: stranger.Email}
	for range 2 {
		if err := on.manually(sandbox.Add, u.Email); err != nil {
			t.Fatal(err)
		}
	}
	found, err := p.Find(t.Context(), u)
	s.silent(t, err)
	if shown := s.ShowsOne && err == nil && found.ID != ""; !shown && (!errors.Is(err, vendors.ErrAmbiguous) || vendors.ClassOf(err) != vendors.Permanent) {
		t.Errorf("got %v, %v, want ErrAmbiguous", found, err)
	}
	if err := on.manually(sandbox.Purge, u.Email); err != nil {
		t.Fatal(err)
	}
	if found, err := p.Find(t.Context(), u); err != nil || found.ID == "" {
		t.Errorf("got %v, %v after one was removed, want the other", found, err)
	}
}

// taken creates an account whose e-mail has an account from before: the same account is returned,
// marked, and without an owner; or the refusal is permanent.
func (s Suite) taken(t *testing.T, on environment, p vendors.Provisioner) {
	if err := on.manually(sandbox.Add, stranger.Email); err != nil {
		t.Fatal(err)
	}
	there, err := p.Find(t.Context(), vendors.User{Email: stranger.Email})
	if err != nil || there.Owner != "" || there.Existed {
		t.Fatalf("got %v, %v, want an account of nobody", there, err)
	}
	made, err := p.Create(t.Context(), origin, stranger)
	if vendors.ClassOf(err) == vendors.Permanent { // some vendors do not say that the e-mail is taken
		return
	}
	if there.Existed = true; err != nil || made != there {
		t.Errorf("got %v, %v, want %v", made, err, there)
	}
}
