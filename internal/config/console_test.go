package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
)

const (
	longToken  = "a-token-of-more-than-16-bytes"
	otherToken = "another-token-of-this-kind"
)

func TestConsole(t *testing.T) {
	file := write(t, "usher.yaml", "console:\n  tokens: ["+longToken+"]\n  people:\n"+
		"    - {name: ann, role: operator, token: "+otherToken+"}\n"+
		"    - {name: bob, role: reader, token_file: "+write(t, "bob", "the-token-of-bob-who-reads\n")+"}\n")
	c := load(t, config.Sources{Path: file})
	var got []string
	for _, p := range c.Console.People {
		got = append(got, p.Name+" "+p.Role+" "+p.Token.Reveal())
	}
	want := []string{"ann operator " + otherToken, "bob reader the-token-of-bob-who-reads"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !c.Console.On() || len(c.Console.Tokens) != 1 {
		t.Errorf("got on %v, %d tokens", c.Console.On(), len(c.Console.Tokens))
	}
	var shown strings.Builder
	for _, line := range c.Show() {
		shown.WriteString(line.Text())
	}
	if text := shown.String() + fmt.Sprintf("%+v %#v", c, c); strings.Contains(text, longToken) || strings.Contains(text, otherToken) || strings.Contains(text, "of-bob-who") {
		t.Errorf("a token is shown:\n%s", text)
	}
}

// TestOIDC reads the log-in at a provider, and finds faults.
func TestOIDC(t *testing.T) {
	const good = "{issuer: 'https://login.example.org', client_id: usher, client_secret: " + longToken + ", redirect_url: 'https://usher.example.org/console/oidc/callback', rules: [{value: ops, role: operator, may: [replay]}]}"
	for name, test := range map[string]struct{ from, to, want string }{
		"whole":                  {},
		"no issuer":              {"issuer: 'https://login.example.org', ", "", "console.oidc.issuer"},
		"issuer without TLS":     {"https://login", "http://login", "console.oidc.issuer"},
		"issuer on this machine": {"https://login.example.org", "http://127.0.0.1:1", ""},
		"no client":              {"client_id: usher, ", "", "console.oidc.client_id"},
		"short secret":           {longToken, "short", "console.oidc.client_secret"},
		"no redirect":            {", redirect_url: 'https://usher.example.org/console/oidc/callback'", "", "console.oidc.redirect_url"},
		"another path":           {"/oidc/callback", "/callback", "console.oidc.redirect_url"},
		"no rules":               {", rules: [{value: ops, role: operator, may: [replay]}]", "", "console.oidc.rules"},
		"no role":                {"operator", "admin", "console.oidc.rules"},
		"no value":               {"value: ops, ", "", "console.oidc.rules"},
		"no such action":         {"replay", "fly", "console.oidc.rules"},
		"slip in a key":          {"value: ops", "valeu: ops", "console.oidc.rules"},
	} {
		t.Run(name, func(t *testing.T) {
			text := good
			if test.from != "" {
				text = strings.Replace(good, test.from, test.to, 1)
			}
			c, err := config.Load(config.Sources{Path: write(t, "usher.yaml", "console: {oidc: "+text+"}\n")})
			if (err == nil) != (test.want == "") || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(fmt.Sprintf("%+v %v", c, c.Show()), longToken) {
				t.Error("the secret is shown")
			}
			if test.want == "" && (!c.Console.On() || c.Console.OIDC.Rules[0].Claim != "groups" || c.Console.OIDC.NameClaim != "preferred_username") {
				t.Errorf("got %+v", c.Console.OIDC)
			}
		})
	}
}

func TestFaultsOfTheConsole(t *testing.T) {
	person := func(name, role, token string) string {
		return fmt.Sprintf("console: {tokens: [%s], people: [{name: %s, role: %s, token: %s}]}\n", longToken, name, role, token)
	}
	for name, test := range map[string]struct{ file, want string }{
		"short token":    {"console: {tokens: [short]}\n", "console.tokens (USHER_CONSOLE_TOKENS): holds a token of fewer than 16 bytes; make one with: openssl rand -hex 32"},
		"no name":        {person(`""`, "reader", otherToken), "console.people: the name of person 1 is missing, repeated, or longer than a line; give each person a different name"},
		"two lines":      {person(`"a\nb"`, "reader", otherToken), "console.people: the name of person 1 is missing, repeated, or longer than a line; give each person a different name"},
		"no such role":   {person("ann", "admin", otherToken), `console.people: the role of ann cannot be "admin"; want one of: operator, reader`},
		"no token":       {person("ann", "reader", `""`), "console.people: the token of ann is missing, or shorter than 16 bytes; make one with: openssl rand -hex 32"},
		"another's":      {person("ann", "reader", longToken), "console.people: the token of ann also belongs to another person; give each person a different token"},
		"no such vendor": {"console: {people: [{name: ann, role: operator, token: " + longToken + ", vendors: [leed]}]}\n", `console.people: ann is limited to "leed", which is no vendor; see usher vendors list`},
		"no such action": {"console: {people: [{name: ann, role: operator, token: " + longToken + ", may: [fly]}]}\n", `console.people: ann may not be given "fly"; want any of: replay, approve, pause, send, reveal`},
		"limited reader": {"console: {people: [{name: ann, role: reader, token: " + longToken + ", may: [send]}]}\n", "console.people: ann is a reader with vendors or may; readers change nothing: leave out both, or use the role operator"},
		"slip in a key":  {"console: {people: [{rolle: ann}]}\n", "console.people: cannot be read: line 1: unknown key rolle: did you mean role?; want a list of name, role, token or token_file, vendors, may"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "usher.yaml", test.file)
			_, err := config.Load(config.Sources{Path: path, Vendors: defaults().sections()})
			got := strings.TrimPrefix(fmt.Sprint(err), path+":1: ")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestConsoleWithoutHTTPIsWarnedOf(t *testing.T) {
	t.Chdir(t.TempDir())
	c := load(t, config.Sources{Environ: []string{"USHER_CONSOLE_TOKENS=" + longToken, "USHER_HTTP_ADDR=off"}})
	if len(c.Warnings()) != 1 || !strings.Contains(c.Warnings()[0], "there is no console") {
		t.Errorf("got %q", c.Warnings())
	}
}
