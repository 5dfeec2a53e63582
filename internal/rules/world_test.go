package rules_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
	"github.com/usherhq/usher/vendors"
)

// fakeVendor has at most one account. Update sets the fields with a value, as the port says.
type fakeVendor struct{ account *vendors.User }

func (f *fakeVendor) Check(context.Context) error { return nil }

func (f *fakeVendor) Find(context.Context, vendors.User) (vendors.Account, error) {
	if f.account == nil {
		return vendors.Account{}, vendors.ErrNotFound
	}
	return vendors.Account{ID: "1"}, nil
}

func (f *fakeVendor) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	f.account = &u
	return vendors.Account{ID: "1"}, nil
}

func (f *fakeVendor) Update(_ context.Context, _ vendors.Origin, _ vendors.Account, u vendors.User) error {
	for to, from := range map[*string]string{&f.account.FirstName: u.FirstName, &f.account.LastName: u.LastName} {
		if from != "" {
			*to = from
		}
	}
	return nil
}

func (f *fakeVendor) Delete(context.Context, vendors.Origin, vendors.Account) error {
	f.account = nil
	return nil
}

// account is an account at the vendor, as the test expects it; nil: none.
type account struct{ First, Last string }

// model is the plain meaning of the rules: scope is role == "in", the last name is the team,
// and the first name is set at the creation only.
type model struct {
	user    map[string]string
	account *account
}

func (m *model) apply(typ string, data map[string]string) {
	if typ == events.UserDeleted {
		m.user, m.account = map[string]string{}, nil
		return
	}
	for name, value := range data {
		m.user[name] = value
	}
	switch {
	case m.user["role"] != "in":
	case m.account == nil:
		m.account = &account{m.user["name"], m.user["team"]}
	case typ == events.UserUpdated && m.user["team"] != "":
		m.account.Last = m.user["team"]
	}
}

// TestVendorHoldsTheRulesOfTheProfile draws the events of a user, and compares the vendor with the
// plain meaning of the rules after each event.
func TestVendorHoldsTheRulesOfTheProfile(t *testing.T) {
	set, err := rules.New(rules.Config{Scope: "user.?attributes.role.orValue('') == 'in'", Map: map[string]rules.Field{
		"last_name": {Value: "user.?attributes.team"}, "first_name": {Value: "user.?first_name", At: rules.AtCreate},
	}})
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]handlers.Handler{events.UserCreated: handlers.UserCreated(), events.UserUpdated: handlers.UserUpdated(), events.UserDeleted: handlers.UserDeleted()}
	rapid.Check(t, func(t *rapid.T) {
		f, m, p := &fakeVendor{}, &model{user: map[string]string{}}, profile.Profile{}
		exists := false // whether the next event is no creation
		for seq := range rapid.IntRange(1, 12).Draw(t, "events") {
			typ := events.UserCreated
			if exists {
				typ = rapid.SampledFrom([]string{events.UserUpdated, events.UserUpdated, events.UserDeleted}).Draw(t, "type")
			}
			exists = typ != events.UserDeleted
			data := map[string]string{}
			for name, values := range map[string][]string{"role": {"in", "out"}, "team": {"red", "blue"}, "name": {"Ada", "Eve"}} {
				if value := rapid.SampledFrom(append(values, "")).Draw(t, name); value != "" {
					data[name] = value
				}
			}
			m.apply(typ, data)
			carryOut(t, list[typ], handlers.Vendor{Name: "fake", Adapter: f, Rules: set}, &p, one(t, typ, data, seq))
			var got *account
			if f.account != nil {
				got = &account{f.account.FirstName, f.account.LastName}
			}
			if diff := cmp.Diff(m.account, got); diff != "" {
				t.Fatalf("after %s %v (-want +got)\n%s", typ, data, diff)
			}
		}
	})
}

// one is an event with a position.
func one(t *rapid.T, typ string, data map[string]string, seq int) positioned {
	members := map[string]any{"user_id": "ada", "email": "ada@example.org"}
	attributes := map[string]any{}
	for name, value := range data {
		if name == "name" {
			members["first_name"] = value
		} else {
			attributes[name] = value
		}
	}
	if len(attributes) > 0 && typ != events.UserDeleted {
		members["attributes"] = attributes
	}
	e, err := events.New(typ, "/hr", "1", time.Time{}, members)
	if err != nil {
		t.Fatal(err)
	}
	return positioned{e, events.Position{Epoch: 1, Seq: uint64(seq + 1)}}
}

type positioned struct {
	event events.Event
	at    events.Position
}

// carryOut merges and carries out an event, as a mailbox does.
func carryOut(t *rapid.T, h handlers.Handler, v handlers.Vendor, p *profile.Profile, e positioned) {
	if _, err := p.Merge(e.event, e.at); err != nil {
		t.Fatal(err)
	}
	data, err := p.Data()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := h.PlanFor(v, e.event)
	if err != nil {
		t.Fatal(err)
	}
	f := v.Adapter.(*fakeVendor)
	k := handlers.Known{
		Active:  f.account != nil,
		Profile: handlers.Profile{Data: data, Known: len(p.Members) > 0, Enters: p.Exists(), Deleted: e.at.Before(p.Deleted())},
	}
	if k.Active {
		k.Account.ID = "1"
	}
	if _, err := plan.Do(context.Background(), k); err != nil && !errors.Is(err, handlers.ErrNoAccount) {
		t.Fatal(err)
	}
}
