package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors"
)

// Names is a list of names: a list in the file; in the environment, separated by
// commas.
type Names []string

// UnmarshalText reads names separated by commas; blanks around them do not count.
func (n *Names) UnmarshalText(text []byte) error {
	*n = nil
	for part := range strings.SplitSeq(string(text), ",") {
		if part = strings.TrimSpace(part); part != "" {
			*n = append(*n, part)
		}
	}
	return nil
}

// String returns what UnmarshalText reads.
func (n Names) String() string { return strings.Join(n, ", ") }

// Client is one who may post events, with a token of its own.
type Client struct {
	Name      string         `yaml:"name"` // for logs and limits
	Token     vendors.Secret `yaml:"token"`
	TokenFile string         `yaml:"token_file"` // or the file that holds it
	Sources   []string       `yaml:"sources"`    // that its events may name; default any
	Types     []string       `yaml:"types"`      // that its events may have; default any
}

// UnmarshalYAML refuses keys that there are not.
func (c *Client) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "name", "token", "token_file", "sources", "types"); err != nil {
		return err
	}
	type plain Client
	return n.Decode((*plain)(c))
}

// Clients are those who may post events.
type Clients []Client

// String returns their names.
func (c Clients) String() string {
	var names []string
	for _, one := range c {
		names = append(names, one.Name)
	}
	return strings.Join(names, ", ")
}

// Webhook is one sender of signed deliveries.
type Webhook struct {
	Scheme      string           `yaml:"scheme"`       // how it signs: standard, github, stripe or token
	Secrets     []vendors.Secret `yaml:"secrets"`      // several for rotation
	SecretsFile string           `yaml:"secrets_file"` // or the file that holds them, one a line
	Header      string           `yaml:"header"`       // that bears the signature or the token, where it is not the scheme's usual one
	Tolerance   time.Duration    `yaml:"tolerance"`    // how old a signature may be; default 5m
	Event       yaml.Node        `yaml:"event"`        // how its payload becomes an event
}

// UnmarshalYAML refuses keys that there are not.
func (h *Webhook) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "scheme", "secrets", "secrets_file", "header", "tolerance", "event"); err != nil {
		return err
	}
	type plain Webhook
	return n.Decode((*plain)(h))
}

// Webhooks are senders by the name in the path, /webhooks/{name}.
type Webhooks map[string]Webhook

// String returns their names.
func (w Webhooks) String() string { return strings.Join(slices.Sorted(maps.Keys(w)), ", ") }

// onlyKeys returns an error, with its line, for a key of a mapping that is none of known.
func onlyKeys(n *yaml.Node, known ...string) error {
	if n.Kind != yaml.MappingNode {
		return nil // which Decode says better
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

// minToken is how long a client's token must be, in bytes.
const minToken = 16

var senderName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// checkHTTP holds the endpoint's settings together, and reads the secrets that
// stand in files.
func (l *loader) checkHTTP() {
	h := &l.config.HTTP
	l.pair("http.tls_cert", h.TLSCert != "", "http.tls_key", h.TLSKey != "")
	l.readable("http.tls_cert", h.TLSCert)
	l.readable("http.tls_key", h.TLSKey)
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
			l.fault("http.clients", fmt.Sprintf("the name of client %d is missing, or stands twice", i+1), "give each a name of its own")
		case len(c.Token) < minToken:
			l.fault("http.clients", fmt.Sprintf("the token of %s is missing, or shorter than %d bytes", c.Name, minToken), "make one with: openssl rand -hex 32")
		}
		names[c.Name] = true
	}
	for _, name := range sorted(l.config.Webhooks) {
		hook := l.config.Webhooks[name]
		if !senderName.MatchString(name) {
			l.fault("webhooks", "cannot have the name "+quote(name), "want small letters, digits and -, such as clerk")
		}
		if hook.SecretsFile != "" {
			var given string
			for _, s := range hook.Secrets {
				given += s.Reveal()
			}
			hook.Secrets = nil
			for line := range strings.Lines(l.secretFile("webhooks", given, hook.SecretsFile).Reveal()) {
				if line = strings.TrimSpace(line); line != "" {
					hook.Secrets = append(hook.Secrets, vendors.Secret(line))
				}
			}
			l.config.Webhooks[name] = hook
		}
	}
}

// secretFile reads a secret from its file, where it is not given as well.
func (l *loader) secretFile(key, given, path string) vendors.Secret {
	if given != "" {
		l.fault(key, "gives a secret and a file that holds it", "keep one of them")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		l.fault(key, fmt.Sprintf("names a file that cannot be read: %v", err), "name one that this process may read")
	}
	return vendors.Secret(strings.TrimRight(string(text), "\r\n"))
}
