package twins_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// truth is the line of the answers to a creation in the file: a lie brings its own.
const truth = "  answers: [{if: \"false\", is: taken}] # no answer of the documents: Usher looks after each refusal\n"

// lie returns the description of Miestro with parts replaced: old and new, in turn.
func lie(t *testing.T, parts ...string) *httpapi.File {
	t.Helper()
	text, err := os.ReadFile("miestro.yaml")
	if err != nil {
		t.Fatal(err)
	}
	said := string(text)
	parts = slices.Concat([]string{truth, ""}, parts)
	for i := 0; i < len(parts); i += 2 {
		if !strings.Contains(said, parts[i]) {
			t.Fatalf("the file has no %q", parts[i])
		}
		said = strings.Replace(said, parts[i], parts[i+1], 1)
	}
	f, err := httpapi.Parse("lie.yaml", []byte(said))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// item is the last line of create in the file.
const item = "  item: answer.body\n"

// A file that is wrong about its API may fail, and never makes two accounts for a user, since find is
// right. The vendor makes a second account for a repeated creation, and loses calls and answers.
func TestFilesThatLie(t *testing.T) {
	for name, parts := range map[string][]string{
		"the truth":                       nil,
		"a creation is safe":              {item, item + "  repeat: safe\n  because: no reason\n"},
		"a creation has a key":            {item, item + "  repeat: keyed\n"},
		"a refusal is done":               {item, item + "  answers: [{if: answer.status >= 400, is: done}]\n"},
		"a failure is done":               {item, item + "  answers: [{if: answer.status >= 500, is: done}]\n"},
		"every answer is done":            {item, item + "  answers: [{if: 'true', is: done}]\n"},
		"every answer is taken":           {item, item + "  answers: [{if: 'true', is: taken}]\n"},
		"a success is to be tried again":  {item, item + "  answers: [{if: answer.status < 300, is: again}]\n"},
		"a success is a refusal":          {item, item + "  answers: [{if: answer.status < 300, is: permanent}]\n"},
		"a success shows nothing":         {item, item + "  done: answer.body.nothing\n"},
		"the account is elsewhere":        {item, "  item: answer.body.owner\n"},
		"the id is the same for everyone": {item, "  item: '{\"id\": 2, \"email\": \"nobody@example.org\"}'\n"},
		"a deletion is always done":       {`delete: {DELETE: "/users/{account.id}", repeat: safe}`, `delete: {DELETE: "/users/{account.id}", repeat: safe, answers: [{if: "true", is: done}]}`},
		"everything is gone":              {`delete: {DELETE: "/users/{account.id}", repeat: safe}`, `delete: {DELETE: "/users/{account.id}", repeat: safe, answers: [{if: "true", is: gone}]}`},
	} {
		vendortest.Try(t, name, func(t *testing.T) { wronged(t, lie(t, parts...), name == "the truth") })
	}
}

// wronged creates users, and deletes and creates every third user again, as the core does: with a
// look-up before each creation. complete says whether all changes must succeed.
func wronged(t *testing.T, f *httpapi.File, complete bool) {
	t.Helper()
	const people, tries = 12, 40
	box, err := sandbox.New(sandbox.Config{Seed: 1, Faults: 0.3, Switches: sandbox.Switches{DuplicateEmail: "second"}})
	if err != nil {
		t.Fatal(err)
	}
	settings := vendors.Settings{BaseURL: box.BaseURLs("stand-in.test")["miestro"], HTTP: memnet.Serve(t, box.Handler()), Timeout: time.Minute}
	adapter, err := open(f, map[string]string{"api_key": "k", "api_secret": "s"}, settings)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := vendors.Port[vendors.Provisioner](adapter)
	d, _ := vendors.Port[vendors.Deprovisioner](adapter)
	origin := vendors.Origin{Key: strings.Repeat("0", 32), At: time.Now()}
	for n := range people {
		u := vendors.User{ID: fmt.Sprint("user-", n), Email: fmt.Sprintf("person+%d@example.org", n), FirstName: "Person"}
		var account vendors.Account
		ensure := func() (err error) {
			if account, err = p.Find(t.Context(), u); errors.Is(err, vendors.ErrNotFound) {
				account, err = p.Create(t.Context(), origin, u)
			}
			return err
		}
		steps := []func() error{ensure}
		if n%3 == 0 {
			steps = append(steps, func() error { return d.Delete(t.Context(), origin, account) }, ensure)
		}
		for _, step := range steps {
			for range tries {
				if err = step(); err == nil {
					break
				}
			}
			if err != nil && complete {
				t.Errorf("%s: %v", u.ID, err)
			}
		}
	}
	state := box.State().Vendors["miestro"]
	if twins := state.Twins(); len(twins) > 0 {
		t.Errorf("got two accounts for a user: %+v", twins)
	}
	for _, u := range state.Users {
		if n := 0; u.Deleted {
			if _, err := fmt.Sscanf(u.Email, "person+%d@", &n); err != nil || n%3 != 0 {
				t.Errorf("got %s deleted, whom nobody asked to delete", u.Email)
			}
		}
	}
}

// A change that the vendor cannot make is no success: the clients of MagLoft keep their e-mail.
func TestChangeThatTheVendorCannotMake(t *testing.T) {
	vendortest.Try(t, "e-mail", func(t *testing.T) {
		d := all()["magloft"]
		stand := vendortest.Serve(t, "magloft", sandbox.Config{})
		a, err := open(file(t, d.path), d.settings, vendors.Settings{BaseURL: stand.URL, HTTP: stand.HTTP, Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		p, _ := vendors.Port[vendors.Provisioner](a)
		account, err := p.Create(t.Context(), vendors.Origin{}, vendors.User{ID: "user-1", Email: "ada@example.org", FirstName: "Ada"})
		if err != nil {
			t.Fatal(err)
		}
		u, _ := vendors.Port[vendors.Updater](a)
		for email, ok := range map[string]bool{"ADA@example.org": true, "king@example.org": false} {
			err := u.Update(t.Context(), vendors.Origin{}, account, vendors.User{ID: "user-1", Email: email, FirstName: "Augusta"})
			if (err == nil) != ok || (!ok && !vendors.IsUnreadable(err)) {
				t.Errorf("%s: got %v", email, err)
			}
		}
		if got := stand.State("magloft").Users[0]; got.Name != "Augusta" || got.Email != "ada@example.org" {
			t.Errorf("got %+v", got)
		}
	})
}

// A file whose look-up never finds anybody is stopped by the first conflict: no account is made, and
// a person has to correct the file.
func TestWrongLookUpIsStoppedByConflict(t *testing.T) {
	for name, answer := range map[string]string{"422": "422", "409": "409", "400": "400"} {
		vendortest.Try(t, name, func(t *testing.T) {
			f := lie(t, `'"search=" + longest(user.email, "+&=% ")'`, `'"search=somebody else"'`)
			box, err := sandbox.New(sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: answer}})
			if err != nil {
				t.Fatal(err)
			}
			if err := box.ChangeManually("miestro", sandbox.Add, "ada@example.org"); err != nil {
				t.Fatal(err)
			}
			adapter, err := open(f, map[string]string{"api_key": "k", "api_secret": "s"}, vendors.Settings{
				BaseURL: box.BaseURLs("stand-in.test")["miestro"], HTTP: memnet.Serve(t, box.Handler()), Timeout: time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			p, _ := vendors.Port[vendors.Provisioner](adapter)
			_, err = p.Create(t.Context(), vendors.Origin{Key: "k"}, vendors.User{ID: "user-1", Email: "ada@example.org", FirstName: "Ada"})
			if vendors.ClassOf(err) != vendors.Permanent || err == nil {
				t.Errorf("got %v, want a permanent error", err)
			}
			if n := len(box.State().Vendors["miestro"].Users); n != 1 {
				t.Errorf("got %d accounts, want 1", n)
			}
		})
	}
}
