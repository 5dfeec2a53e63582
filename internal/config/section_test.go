package config_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
)

// acme is a vendor that this package has never heard of.
type acme struct {
	vendors.Settings `yaml:",inline"`
	Token            vendors.Secret `yaml:"token" env:"TOKEN"`
	HookURL          string         `yaml:"hook_url" env:"HOOK_URL"`
	Colour           string         `yaml:"colour" env:"COLOUR"`
	needs            vendors.Needs
}

func (a acme) Needs() vendors.Needs { return a.needs }

func (a acme) Faults() []vendors.Fault { return vendors.OneOf("colour", a.Colour, "red", "green") }

func newAcme() *acme {
	return &acme{
		Settings: vendors.DefaultSettings("https://acme.example.com/api", 2), Colour: "red",
		needs: vendors.Needs{Credentials: []string{"token"}, More: []string{"base_url"}},
	}
}

func TestVendorThatIsUnknownHere(t *testing.T) {
	a := newAcme()
	c, err := config.Load(config.Sources{
		Path:    write(t, "usher.yaml", "vendors: {acme-lms: {rate: 7, colour: green}}\ncourses: {go: {acme-lms: 1}}\n"),
		Environ: []string{"USHER_ACME_LMS_TOKEN_FILE=" + write(t, "token", "t\n"), "USHER_ACME_LMS_TIMEOUT=3s"},
		Vendors: []config.Section{{Name: "acme-lms", Settings: a}},
	})
	if err != nil || len(c.Warnings()) > 0 {
		t.Fatalf("got %v, warnings %q", err, c.Warnings())
	}
	if got := fmt.Sprintf("%s %v %s %s", a.Token.Reveal(), a.Rate, a.Colour, a.Timeout); got != "t 7 green 3s" {
		t.Errorf("got %s", got)
	}
	if !slices.Equal(c.On(), []string{"acme-lms"}) || c.RequireVendor() != nil {
		t.Errorf("got on %v, off %v", c.On(), c.Off())
	}
}

func TestFaultsOfASection(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *acme)
		env    []string
		want   string
	}{
		"its own": {
			env:  []string{"USHER_ACME_COLOUR=blue"},
			want: `USHER_ACME_COLOUR: vendors.acme.colour: cannot be "blue"; want one of: red, green`,
		},
		"every address": {
			env:  []string{"USHER_ACME_HOOK_URL=here"},
			want: "USHER_ACME_HOOK_URL: vendors.acme.hook_url: is not the URL of an API; want https://host/path",
		},
		"credentials without the rest": {
			change: func(a *acme) { a.BaseURL = "" },
			env:    []string{"USHER_ACME_TOKEN=t"},
			want:   "vendors.acme.base_url (USHER_ACME_BASE_URL): is missing, though acme is on; set USHER_ACME_BASE_URL, or vendors.acme.base_url in the file",
		},
		"needs that are no setting": {
			change: func(a *acme) { a.needs.Credentials = []string{"tokken"} },
			want:   "vendors.acme.tokken: is required by acme, but the vendor's Config has no such setting; correct Needs or a yaml tag of the vendor",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			a := newAcme()
			if test.change != nil {
				test.change(a)
			}
			_, err := config.Load(config.Sources{Environ: test.env, Vendors: []config.Section{{Name: "acme", Settings: a}}})
			if diff := cmp.Diff(test.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The keys of look-ups are those of the kind unless the team names some.
func TestMatchInForce(t *testing.T) {
	for text, want := range map[string]string{
		"vendors: {scim: {rate: 1}}":                           "id, email unclaimed",
		"vendors: {scim: {external_id: false, adopt: never}}":  "email never",
		"vendors: {scim: {match: [email, id], adopt: always}}": "email, id always",
		"vendors: {scim: {kind: scim}, miestro: {rate: 1}}":    "id, email unclaimed",
	} {
		c := load(t, config.Sources{Path: write(t, "usher.yaml", text)})
		s, _ := c.Section("scim")
		if r := s.RulesInForce(); r.Match.String()+" "+r.Adopt.String() != want {
			t.Errorf("%s: got %s and %s, want %s", text, r.Match, r.Adopt, want)
		}
	}
	for name, want := range map[string]string{"miestro": "email", "meiro": "email", "lead": "email", "magloft": "email", "usermost": ""} {
		s, _ := load(t, config.Sources{Path: write(t, "usher.yaml", "{}")}).Section(name)
		if got := s.RulesInForce().Match.String(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// A kind may disable accounts unless the team sets on_delete.
func TestOnDeleteInForce(t *testing.T) {
	for text, want := range map[string]map[string]config.OnDelete{
		"{}":                                      {"miestro": config.DeleteAccount, "scim": config.DisableAccount},
		"vendors: {scim: {on_delete: delete}}":    {"scim": config.DeleteAccount},
		"vendors: {scim: {on_delete: keep}}":      {"scim": config.KeepAccount},
		"vendors: {magloft: {on_delete: delete}}": {"magloft": config.DeleteAccount},
	} {
		c := load(t, config.Sources{Path: write(t, "usher.yaml", text)})
		for name, on := range want {
			s, _ := c.Section(name)
			if got := s.RulesInForce().OnDelete; got.String() != on.String() {
				t.Errorf("%s: got %s at %s, want %s", text, got, name, on)
			}
		}
	}
}
