package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors"
)

// OIDC configures the log-in to the console at an OpenID Connect provider, by the code flow with PKCE.
type OIDC struct {
	Issuer       string         `yaml:"issuer" env:"ISSUER"`               // URL of the provider, as in its ID tokens; default none: no log-in at a provider
	ClientID     string         `yaml:"client_id" env:"CLIENT_ID"`         // of Usher at the provider
	ClientSecret vendors.Secret `yaml:"client_secret" env:"CLIENT_SECRET"` // of Usher at the provider; at least 16 bytes; another one ends all sessions of the provider
	RedirectURL  string         `yaml:"redirect_url" env:"REDIRECT_URL"`   // the console as browsers reach it: https://usher.example.org/console/oidc/callback
	Scopes       Names          `yaml:"scopes" env:"SCOPES"`               // asked for beside openid; default profile
	NameClaim    string         `yaml:"name_claim" env:"NAME_CLAIM"`       // of the name in the audit log; default preferred_username; sub if the claim is missing
	Rules        AccessRules    `yaml:"rules"`                             // rights by claims, the first match counts; without a match there is no access; file only; default none
}

// On reports whether people can log in at a provider.
func (o OIDC) On() bool { return o.Issuer != "" }

// PersonRights limit an operator of the console.
type PersonRights struct {
	Vendors []string `yaml:"vendors"` // only at these vendors; default all
	May     []string `yaml:"may"`     // only these actions: replay, approve, pause, send, reveal; default all
}

// ConsoleActions returns the actions of an operator of the console.
func ConsoleActions() []string { return []string{"replay", "approve", "pause", "send", "reveal"} }

// AccessRule gives rights to people with a value in a claim.
type AccessRule struct {
	Claim        string `yaml:"claim"` // of the ID token or of the user info; default groups
	Value        string `yaml:"value"` // of the claim, or in the list of the claim
	Role         string `yaml:"role"`  // RoleOperator or RoleReader
	PersonRights `yaml:",inline"`
}

// UnmarshalYAML rejects unknown keys.
func (r *AccessRule) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "claim", "value", "role", "vendors", "may"); err != nil {
		return err
	}
	type plain AccessRule
	return n.Decode((*plain)(r))
}

// AccessRules are rules in order.
type AccessRules []AccessRule

// String returns the rules as claims and roles.
func (r AccessRules) String() string {
	var list []string
	for _, one := range r {
		list = append(list, one.Claim+"="+one.Value+" "+one.Role)
	}
	return strings.Join(list, ", ")
}

// checkRights checks the rights of a person or of a rule.
func (l *loader) checkRights(key, of, role string, limits PersonRights) {
	for _, name := range limits.Vendors {
		if _, known := l.config.Section(name); !known {
			l.fault(key, fmt.Sprintf("%s is limited to %s, which is no vendor", of, quote(name)), "see usher vendors list")
		}
	}
	for _, name := range limits.May {
		if !slices.Contains(ConsoleActions(), name) {
			l.fault(key, fmt.Sprintf("%s may not be given %s", of, quote(name)), "want any of: "+strings.Join(ConsoleActions(), ", "))
		}
	}
	if role == RoleReader && len(limits.Vendors)+len(limits.May) > 0 {
		l.fault(key, fmt.Sprintf("%s is a reader with vendors or may", of), "readers change nothing: leave out both, or use the role operator")
	}
}

// checkOIDC checks the log-in at a provider.
func (l *loader) checkOIDC() {
	o := &l.config.Console.OIDC
	const key = "console.oidc."
	if !o.On() {
		if o.ClientID != "" || len(o.Rules) > 0 {
			l.fault(key+"issuer", "is missing", "set the URL of the provider, or remove console.oidc")
		}
		return
	}
	l.checkAddress(key+"issuer", o.Issuer)
	l.checkAddress(key+"redirect_url", o.RedirectURL)
	if u, err := url.Parse(o.RedirectURL); err == nil && u.Path != "/console/oidc/callback" {
		l.fault(key+"redirect_url", "does not end with /console/oidc/callback", "register https://HOST/console/oidc/callback at the provider, and set the same here")
	}
	if o.ClientID == "" {
		l.fault(key+"client_id", "is missing", "register Usher at the provider as a confidential client")
	}
	if len(o.ClientSecret) < minToken {
		l.fault(key+"client_secret", fmt.Sprintf("is missing, or shorter than %d bytes", minToken), "register Usher at the provider as a confidential client")
	}
	if len(o.Rules) == 0 {
		l.fault(key+"rules", "is missing: nobody would have access", "give a role to the value of a claim, such as {claim: groups, value: usher, role: operator}")
	}
	for i := range o.Rules {
		r := &o.Rules[i]
		if r.Claim == "" {
			r.Claim = "groups"
		}
		of := fmt.Sprintf("rule %d", i+1)
		if r.Value == "" || (r.Role != RoleOperator && r.Role != RoleReader) {
			l.fault(key+"rules", of+" has no value, or no role", "want a value, and one of the roles: operator, reader")
		}
		l.checkRights(key+"rules", of, r.Role, r.PersonRights)
	}
}

// checkAddress checks a URL that carries log-ins: TLS, but for this machine.
func (l *loader) checkAddress(key, text string) {
	if !safeAddress(text) {
		l.fault(key, "is no https URL", "want a URL such as https://login.example.org; http only for this machine")
	}
}
