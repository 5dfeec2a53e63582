package config

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/vendors"
)

// Names is a list of names: a list in the file; separated by commas in the environment.
type Names []string

// UnmarshalText reads names separated by commas, ignoring spaces around names.
func (n *Names) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		if part = strings.TrimSpace(part); part != "" {
			*n = append(*n, part)
		}
	}
	return nil
}

// String returns the input form of UnmarshalText.
func (n Names) String() string { return strings.Join(n, ", ") }

// Client is a client with a token that may post events.
type Client struct {
	Name      string         `yaml:"name"` // for logs and limits
	Token     vendors.Secret `yaml:"token"`
	TokenFile string         `yaml:"token_file"`    // or the path of a file with the token
	Sources   []string       `yaml:"sources"`       // allowed sources of events; default any
	Types     []string       `yaml:"types"`         // allowed types of events; default any
	Events    int            `yaml:"hourly_events"` // events in an hour; default 0: no limit
	Bytes     Bytes          `yaml:"hourly_bytes"`  // bytes of requests in an hour; default 0: no limit
}

// UnmarshalYAML rejects unknown keys.
func (c *Client) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "name", "token", "token_file", "sources", "types", "hourly_events", "hourly_bytes"); err != nil {
		return err
	}
	type plain Client
	return n.Decode((*plain)(c))
}

// Clients are the clients that may post events.
type Clients []Client

// String returns the names.
func (c Clients) String() string {
	var names []string
	for _, one := range c {
		names = append(names, one.Name)
	}
	return strings.Join(names, ", ")
}

// Webhook is a sender of signed deliveries.
type Webhook struct {
	Scheme      string           `yaml:"scheme"`       // of the signature: standard, github, stripe, slack, zoom, paddle, token, basic, or template
	Template    yaml.Node        `yaml:"template"`     // of the signature, for the scheme template
	Secrets     []vendors.Secret `yaml:"secrets"`      // several for rotation
	SecretsFile string           `yaml:"secrets_file"` // or the path of a file with one secret per line
	Header      string           `yaml:"header"`       // with the signature or the token; default the scheme's header
	Tolerance   time.Duration    `yaml:"tolerance"`    // maximum age of a signature; default 5m
	MaxBody     Bytes            `yaml:"max_body"`     // of a delivery; default http.max_body
	Unmappable  string           `yaml:"unmappable"`   // answer to a delivery that cannot become an event: keep (202) or refuse (422)
	Challenges  []string         `yaml:"challenges"`   // checks of the endpoint by the sender: okta, slack, zoom, sns, woocommerce, echo, probe; default none
	SNSHost     string           `yaml:"sns_host"`     // host of the certificates of Amazon SNS, to verify its signatures beside the secret; default none: not verified
	Event       yaml.Node        `yaml:"event"`        // mapping of a payload to an event
}

// webhookKeys are the keys of a Webhook.
var webhookKeys = []string{"scheme", "template", "secrets", "secrets_file", "header", "tolerance", "max_body", "unmappable", "challenges", "sns_host", "event"}

// UnmarshalYAML rejects unknown keys.
func (h *Webhook) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, webhookKeys...); err != nil {
		return err
	}
	type plain Webhook
	return n.Decode((*plain)(h))
}

// Webhooks are senders by the name in the path, /webhooks/{name}.
type Webhooks map[string]Webhook

// String returns the names.
func (w Webhooks) String() string { return strings.Join(slices.Sorted(maps.Keys(w)), ", ") }

// onlyKeys returns an error with the line of the first unknown key of a mapping.
func onlyKeys(n *yaml.Node, known ...string) error {
	if n.Kind != yaml.MappingNode {
		return nil // Decode returns a better error
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Tag == "!!merge" || slices.Contains(known, key.Value) {
			continue
		}
		fault := fmt.Sprintf("line %d: unknown key %s", key.Line, key.Value)
		if near := nearest(key.Value, known); near != "" {
			fault += ": did you mean " + near + "?"
		}
		return &yaml.TypeError{Errors: []string{fault}}
	}
	return nil
}

// minToken is the minimum length of a token in bytes.
const minToken = 16

var senderName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// checkHTTP checks the settings of the endpoint together, and reads secrets from files.
func (l *loader) checkHTTP() {
	h := &l.config.HTTP
	l.pair("http.tls_cert", h.TLSCert != "", "http.tls_key", h.TLSKey != "")
	l.readable("http.tls_cert", h.TLSCert)
	l.readable("http.tls_key", h.TLSKey)
	for _, text := range h.TrustedProxies {
		_, wrong := netip.ParsePrefix(text)
		if _, err := netip.ParseAddr(text); wrong != nil && err != nil {
			l.fault("http.trusted_proxies", "holds "+quote(text)+", which is neither an address nor a network", "want addresses such as 10.0.0.7, or networks such as 10.0.0.0/8")
		}
	}
	for _, token := range h.Tokens {
		if len(token) < minToken {
			l.fault("http.tokens", fmt.Sprintf("holds a token of fewer than %d bytes", minToken), "make one with: openssl rand -hex 32")
		}
	}
	names := map[string]bool{}
	for i := range h.Clients {
		c := &h.Clients[i]
		if c.TokenFile != "" {
			c.Token = l.secretFile("http.clients", string(c.Token), c.TokenFile)
		}
		switch {
		case c.Name == "" || names[c.Name]:
			l.fault("http.clients", fmt.Sprintf("the name of client %d is missing, or repeated", i+1), "give each client a different name")
		case len(c.Token) < minToken:
			l.fault("http.clients", fmt.Sprintf("the token of %s is missing, or shorter than %d bytes", c.Name, minToken), "make one with: openssl rand -hex 32")
		}
		if c.Events < 0 {
			l.fault("http.clients", fmt.Sprintf("hourly_events of %s is below zero", c.Name), "want a number of events, or 0 for no limit")
		}
		names[c.Name] = true
	}
	for _, name := range sorted(l.config.Webhooks) {
		hook := l.config.Webhooks[name]
		if !senderName.MatchString(name) {
			l.fault("webhooks", "cannot have the name "+quote(name), "want lower-case letters, digits and -, such as clerk")
		}
		if hook.SecretsFile != "" {
			hook.Secrets = l.secretLines("webhooks", hook.Secrets, hook.SecretsFile)
			l.config.Webhooks[name] = hook
		}
	}
}

// secretLines returns the secrets in a file, one in each line. Secrets given directly as well are a
// fault.
func (l *loader) secretLines(key string, given []vendors.Secret, path string) (secrets []vendors.Secret) {
	var direct string
	for _, s := range given {
		direct += s.Reveal()
	}
	for line := range strings.Lines(l.secretFile(key, direct, path).Reveal()) {
		if line = strings.TrimSpace(line); line != "" {
			secrets = append(secrets, vendors.Secret(line))
		}
	}
	return secrets
}

// secretFile returns the secret in a file. A secret given directly as well is a fault.
func (l *loader) secretFile(key, given, path string) vendors.Secret {
	if given != "" {
		l.fault(key, "has both a secret and a file with a secret", "keep one of them")
	}
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		l.fault(key, fmt.Sprintf("names a file that cannot be read: %v", err), "name a file that this process may read")
	}
	return vendors.Secret(strings.TrimRight(string(text), "\r\n"))
}
