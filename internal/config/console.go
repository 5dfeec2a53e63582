package config

import (
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors"
)

// Console configures the access to the pages at /console/. The pages exist if anybody has
// access, and if there is an HTTP endpoint.
type Console struct {
	Tokens Tokens `yaml:"tokens" env:"TOKENS"` // of operators, several for rotation; at least 16 bytes each; default none
	People People `yaml:"people"`              // people with a name and a token each; file only; default none
	// OIDC lets people log in at an OpenID Connect provider.
	OIDC OIDC `yaml:"oidc" envPrefix:"OIDC_"`
}

// On reports whether anybody has access to the console.
func (c Console) On() bool { return len(c.Tokens)+len(c.People) > 0 || c.OIDC.On() }

// The roles of a Person.
const (
	RoleOperator = "operator" // sees everything, and may act
	RoleReader   = "reader"   // sees everything except personal data, and changes nothing
)

// Person is a person with access to the console.
type Person struct {
	Name         string         `yaml:"name"` // as shown by usher audit
	Role         string         `yaml:"role"` // RoleOperator or RoleReader
	Token        vendors.Secret `yaml:"token"`
	TokenFile    string         `yaml:"token_file"` // or the path of a file with the token
	PersonRights `yaml:",inline"`
}

// UnmarshalYAML rejects unknown keys.
func (p *Person) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "name", "role", "token", "token_file", "vendors", "may"); err != nil {
		return err
	}
	type plain Person
	return n.Decode((*plain)(p))
}

// People are the people with access to the console.
type People []Person

// String returns the names.
func (p People) String() string {
	var names []string
	for _, one := range p {
		names = append(names, one.Name)
	}
	return strings.Join(names, ", ")
}

// checkConsole checks the settings of the console together, and reads tokens from files. A
// token cannot belong to two people.
func (l *loader) checkConsole() {
	c := &l.config.Console
	taken := map[vendors.Secret]bool{}
	for _, token := range c.Tokens {
		if len(token) < minToken {
			l.fault("console.tokens", fmt.Sprintf("holds a token of fewer than %d bytes", minToken), "make one with: openssl rand -hex 32")
		}
		taken[token] = true
	}
	names := map[string]bool{}
	for i := range c.People {
		p := &c.People[i]
		if p.TokenFile != "" {
			p.Token = l.secretFile("console.people", string(p.Token), p.TokenFile)
		}
		switch {
		case p.Name == "" || names[p.Name] || strings.ContainsFunc(p.Name, unicode.IsControl):
			l.fault("console.people", fmt.Sprintf("the name of person %d is missing, repeated, or longer than a line", i+1), "give each person a different name")
		case p.Role != RoleOperator && p.Role != RoleReader:
			l.fault("console.people", fmt.Sprintf("the role of %s cannot be %s", p.Name, quote(p.Role)), "want one of: operator, reader")
		case len(p.Token) < minToken:
			l.fault("console.people", fmt.Sprintf("the token of %s is missing, or shorter than %d bytes", p.Name, minToken), "make one with: openssl rand -hex 32")
		case taken[p.Token]:
			l.fault("console.people", fmt.Sprintf("the token of %s also belongs to another person", p.Name), "give each person a different token")
		}
		l.checkRights("console.people", p.Name, p.Role, p.PersonRights)
		names[p.Name], taken[p.Token] = true, true
	}
	l.checkTokensOnce()
	l.checkOIDC()
	if c.On() && !l.config.HTTP.On() {
		l.warn("console.tokens or console.people is set, and http.addr is off: there is no console")
	}
}

// checkTokensOnce rejects one token in several places: whoever learns the token of a sender would
// have the rights of the other place too.
func (l *loader) checkTokensOnce() {
	places := map[vendors.Secret]string{}
	note := func(key, place string, token vendors.Secret) {
		if before, taken := places[token]; taken && token != "" && before != place {
			l.fault(key, fmt.Sprintf("the token of %s is also the token of %s", place, before), "make a token for each place with: openssl rand -hex 32")
			return
		}
		places[token] = place
	}
	c := l.config
	for _, token := range c.HTTP.Tokens {
		note("http.tokens", "http.tokens", token)
	}
	for _, client := range c.HTTP.Clients {
		note("http.clients", "the client "+client.Name, client.Token)
	}
	for _, name := range sorted(c.Webhooks) {
		for _, secret := range c.Webhooks[name].Secrets {
			note("webhooks", "the web hook "+name, secret)
		}
	}
	for _, token := range c.Console.Tokens {
		note("console.tokens", "console.tokens", token)
	}
	for _, person := range c.Console.People {
		note("console.people", person.Name, person.Token)
	}
}
