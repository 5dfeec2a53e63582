package ledger_test

import (
	"testing"

	"github.com/usherhq/usher/internal/ledger"
)

func TestKeysFitTheStore(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"account": {ledger.AccountKey("lead", "ann lee@example.org"), "lead.e78c10b318e9b099ee6d6d862081c7b2"},
		"nobody":  {ledger.AccountKey("lead", ""), "lead.e3b0c44298fc1c149afbf4c8996fb924"},
		"effect":  {ledger.EffectKey("usermost", "ann lee@example.org", "ab12"), "usermost.e78c10b318e9b099ee6d6d862081c7b2.ab12"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %s, want %s", c.got, c.want)
			}
		})
	}
}

func TestWaitsFor(t *testing.T) {
	cases := map[string]struct {
		record ledger.Account
		want   string
	}{
		"nothing":                     {ledger.Account{Effects: []ledger.Effect{waiting(arrival("b", 2))}}, ""},
		"an effect that nobody knows": {ledger.Account{}, ""},
		"an older one":                {ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1)), waiting(arrival("b", 2))}}, "a"},
		"one that is claimed": {
			ledger.Account{Effects: []ledger.Effect{tried(enrollment("a", 1, "go")), waiting(arrival("b", 2))}, Claim: claimed(enrollment("a", 1, "go"), 1)}, "a",
		},
		"one that is finished": {ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 1)), done(arrival("b", 2))}}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := c.record.WaitsFor("b")
			if got.Key != c.want || ok != (c.want != "") {
				t.Errorf("got %q (%v), want %q", got.Key, ok, c.want)
			}
		})
	}
}
