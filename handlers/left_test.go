package handlers_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// enabler notes the calls that disable and enable.
type enabler struct{ port }

func (p *enabler) Disable(_ context.Context, _ vendors.Origin, a vendors.Account) error {
	p.note("disable %s", a.ID)
	return nil
}

func (p *enabler) Enable(_ context.Context, _ vendors.Origin, a vendors.Account) error {
	p.note("enable %s", a.ID)
	if a.ID == p.missing {
		return vendors.ErrNotFound
	}
	return nil
}

// An unconfirmed removal may have disabled or deleted the account. The next event that leaves the
// account active makes it so, whatever the rules say by now.
func TestUnconfirmedRemoval(t *testing.T) {
	perhaps := active
	perhaps.PerhapsRemoved = true
	const find, create, update = "find ada@example.org", "create ada@example.org for ", "update 7 to ada@example.org Ada"
	keep := handlers.Policy{OnDelete: handlers.KeepAccount}
	disable := handlers.Policy{OnDelete: handlers.DisableAccount}
	for name, c := range map[string]struct {
		handler handlers.Handler
		policy  handlers.Policy
		known   handlers.Known
		port    port
		want    string // step
		calls   []string
	}{
		"an update enables":                  {handlers.UserUpdated(), disable, perhaps, port{}, "updated record 7", []string{"enable 7", update}},
		"a deletion forbidden by now":        {handlers.UserDeleted(), keep, perhaps, port{}, "delete  ", []string{"enable 7"}},
		"a deletion disables again":          {handlers.UserDeleted(), disable, perhaps, port{}, "disabled record 7", []string{"disable 7"}},
		"a creation finds the account":       {handlers.UserCreated(), keep, perhaps, port{account: "7"}, "none record 7", []string{"enable 7", find}},
		"a creation after a deletion":        {handlers.UserCreated(), keep, perhaps, port{missing: "7"}, "created  new", []string{"enable 7", find, create}},
		"without doubt a creation asks none": {handlers.UserCreated(), keep, active, port{}, "none record 7", nil},
		"without doubt an update enables not": {
			handlers.UserUpdated(), disable, active, port{}, "updated record 7", []string{update},
		},
		"in shadow nothing is enabled": {handlers.UserCreated(), handlers.Policy{Shadow: true}, active, port{}, "none record 7", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			c.port.calls = &calls
			step, err := carryOut(t, c.handler, handlers.Vendor{Name: "acme", Adapter: &enabler{c.port}, Policy: c.policy}, c.known)
			if err != nil || step != c.want {
				t.Errorf("got %q and %v, want %q", step, err, c.want)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestRemoves says which events may take an account away under the rules of a team.
func TestRemoves(t *testing.T) {
	leaves := handlers.Policy{OnLeave: handlers.DisableAccount}
	for name, c := range map[string]struct {
		handler handlers.Handler
		vendor  handlers.Vendor
		want    bool
	}{
		"a deletion":               {handlers.UserDeleted(), handlers.Vendor{}, true},
		"a deletion is forbidden":  {handlers.UserDeleted(), handlers.Vendor{Policy: handlers.Policy{OnDelete: handlers.KeepAccount}}, false},
		"a deletion in shadow":     {handlers.UserDeleted(), handlers.Vendor{Policy: handlers.Policy{Shadow: true}}, false},
		"an update":                {handlers.UserUpdated(), handlers.Vendor{Policy: leaves}, false},
		"an update under a scope":  {handlers.UserUpdated(), handlers.Vendor{Policy: leaves, Rules: team{scope: true}}, true},
		"an update without a rule": {handlers.UserUpdated(), handlers.Vendor{Rules: team{scope: true}}, false},
		"a creation":               {handlers.UserCreated(), handlers.Vendor{Policy: leaves, Rules: team{scope: true}}, false},
	} {
		if got := c.vendor.Removes(c.handler); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
