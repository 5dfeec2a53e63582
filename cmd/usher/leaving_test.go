package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/sandbox"
)

func TestDisabledAccountIsEnabledForAReturningUser(t *testing.T) {
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_MAGLOFT_MODE=readers")
	rules := func(onDelete string) {
		text := "vendors: {meiro: {on_delete: " + onDelete + "}, magloft: {on_delete: " + onDelete + "}}\n"
		if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	step := func(id, action string) {
		t.Helper()
		w.must("results", "--event", id, "--follow", "--vendor", "meiro", "--limit", "1")
		w.must("results", "--event", id, "--follow", "--vendor", "magloft", "--limit", "1")
		for _, vendor := range []string{"meiro", "magloft"} {
			if out := w.must("results", "--event", id, "--vendor", vendor, "--json"); !strings.Contains(out, `"action":"`+action+`"`) {
				t.Errorf("%s at %s: want action %s, got\n%s", id, vendor, action, out)
			}
		}
	}
	rules("disable")
	w.serve()
	w.feedAll(user("ada"))
	step("c-ada", events.ActionCreated)
	w.feedAll(cloudEvent(events.UserDeleted, "d", `{"user_id":"ada","email":"ada@example.org"}`))
	step("d", events.ActionDisabled)
	w.feedAll(cloudEvent(events.UserDeleted, "d2", `{"user_id":"ada"}`))
	step("d2", events.ActionNone)
	if out := w.must("user", "ada"); strings.Count(out, "\tdisabled\t") != 2 {
		t.Errorf("usher user:\n%s", out)
	}
	w.feedAll(cloudEvent(events.UserCreated, "back", `{"user_id":"ada","email":"ada@example.org","first_name":"Ada"}`))
	step("back", events.ActionEnabled)
	for _, vendor := range []string{"meiro", "magloft"} {
		if users := w.stands.State().Vendors[vendor]; len(users.Live()) == 0 || len(users.Twins()) > 0 || w.created(vendor) != 1 {
			t.Errorf("%s: got %+v, want one account", vendor, users)
		}
	}
	w.feedAll(cloudEvent(events.UserDeleted, "d3", `{"user_id":"ada"}`))
	step("d3", events.ActionDisabled)
	w.end()
	rules("delete")
	w.serve()
	w.feedAll(cloudEvent(events.UserDeleted, "d4", `{"user_id":"ada"}`))
	step("d4", events.ActionDeleted)
	w.end()
}

// created returns the number of accounts of ada that a stand-in has ever had.
func (w *world) created(vendor string) (n int) {
	for _, u := range w.stands.State().Vendors[vendor].Users {
		if u.Email == "ada@example.org" {
			n++
		}
	}
	return n
}

// The configuration knows of every adapter whether the adapter can disable.
func TestCanDisable(t *testing.T) {
	for _, modes := range [][]string{{"USHER_MEIRO_MODE=operators", "USHER_MAGLOFT_MODE=clients"}, {"USHER_MEIRO_MODE=customers", "USHER_MAGLOFT_MODE=readers"}} {
		stands, err := sandbox.New(sandbox.Config{}.With("scim"))
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(stands.Handler())
		t.Cleanup(web.Close)
		c, err := config.Load(config.Sources{Environ: append(stands.Environ(strings.TrimPrefix(web.URL, "http://")), modes...), Vendors: catalog().Sections()})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range catalog().With(&c) {
			adapter, err := v.Adapter()
			if err != nil {
				t.Fatal(err)
			}
			s, _ := c.Section(v.Name)
			if _, can := vendors.Port[vendors.Disabler](adapter); can != s.Settings.CanDisable() {
				t.Errorf("%s %v: the adapter can disable: %v, the settings say %v", v.Name, modes, can, s.Settings.CanDisable())
			}
		}
	}
}
