package config

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors"
)

// Notify configures the messages about problems (docs/notifications.md).
type Notify struct {
	Every   time.Duration `yaml:"every" env:"EVERY"`             // the shortest time between two messages about one problem; default 1h
	Lag     time.Duration `yaml:"lag" env:"LAG"`                 // events of a vendor that wait longer are a problem; default 15m
	Console string        `yaml:"console_url" env:"CONSOLE_URL"` // address of the console, for links; default none
	Runbook string        `yaml:"runbook_url" env:"RUNBOOK_URL"` // address of docs/runbook.md, for links; default none
	Targets NotifyTargets `yaml:"targets"`                       // receivers; file only; default none
}

// NotifyTarget is a receiver of messages.
type NotifyTarget struct {
	Name        string           `yaml:"name"` // for logs, metrics and usher notify test
	Format      string           `yaml:"format"`
	URL         vendors.Secret   `yaml:"url"`
	URLFile     string           `yaml:"url_file"` // or the path of a file with the URL
	Secrets     []vendors.Secret `yaml:"secrets"`
	SecretsFile string           `yaml:"secrets_file"` // or the path of a file with a secret in each line
	Kinds       []string         `yaml:"kinds"`        // of problems; default all
	CA          string           `yaml:"ca"`           // path of a PEM file; default the CAs of the system
}

// UnmarshalYAML rejects unknown keys.
func (t *NotifyTarget) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "name", "format", "url", "url_file", "secrets", "secrets_file", "kinds", "ca"); err != nil {
		return err
	}
	type plain NotifyTarget
	return n.Decode((*plain)(t))
}

// NotifyTargets are the receivers of messages.
type NotifyTargets []NotifyTarget

// String returns the names.
func (t NotifyTargets) String() string {
	var names []string
	for _, one := range t {
		names = append(names, one.Name)
	}
	return strings.Join(names, ", ")
}

// NotifyFormats returns the formats of messages.
func NotifyFormats() []string { return []string{"standard", "slack", "teams"} }

// NotifyKinds returns the kinds of problems.
func NotifyKinds() []string {
	return []string{"hold", "credentials", "failing", "dead", "deletions", "lag", "storage"}
}

const (
	targetsKey = "notify.targets"
	maxTargets = 5  // the state of all targets is one value in NATS
	minSigning = 24 // bytes of a secret, by Standard Webhooks
)

// checkNotify checks the receivers, and reads URLs and secrets from files.
func (l *loader) checkNotify() {
	n := &l.config.Notify
	for _, pair := range [][2]string{{"notify.console_url", n.Console}, {"notify.runbook_url", n.Runbook}} {
		key, address := pair[0], pair[1]
		if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https")) {
			l.fault(key, "is no http or https URL", "want a URL such as https://usher.example.org/console/")
		}
	}
	if len(n.Targets) > maxTargets {
		l.fault(targetsKey, fmt.Sprintf("has %d targets", len(n.Targets)), fmt.Sprintf("want at most %d: let one receiver pass messages on", maxTargets))
	}
	if c := l.config; len(n.Targets) > 0 && !c.Worker.On && !c.Worker.Measure && !c.Console.On() {
		l.warn("notify.targets is set, and this process sends no notification: worker.on and worker.measure are off")
	}
	names := map[string]bool{}
	for i := range n.Targets {
		t := &n.Targets[i]
		if t.Format == "" {
			t.Format = "standard"
		}
		if !senderName.MatchString(t.Name) || names[t.Name] {
			l.fault(targetsKey, fmt.Sprintf("the name of target %d is missing, repeated, or has other signs", i+1), "want lower-case letters, digits and -, such as on-call")
			continue
		}
		names[t.Name] = true
		l.checkTarget(t)
	}
}

// checkTarget checks one receiver.
func (l *loader) checkTarget(t *NotifyTarget) {
	if t.URLFile != "" {
		t.URL = vendors.Secret(strings.TrimSpace(l.secretFile(targetsKey, t.URL.Reveal(), t.URLFile).Reveal()))
	}
	if t.SecretsFile != "" {
		t.Secrets = l.secretLines(targetsKey, t.Secrets, t.SecretsFile)
	}
	of := t.Name
	switch {
	case !slices.Contains(NotifyFormats(), t.Format):
		l.fault(targetsKey, fmt.Sprintf("the format of %s cannot be %s", of, quote(t.Format)), "want one of: "+strings.Join(NotifyFormats(), ", "))
	case !safeAddress(t.URL.Reveal()):
		l.fault(targetsKey, "the URL of "+of+" is missing, or is no https URL", "want https://host/path; http only for this machine")
	case t.Format == "standard" && len(t.Secrets) == 0:
		l.fault(targetsKey, of+" has no secret to sign with", "make one with: echo whsec_$(openssl rand -base64 32)")
	case t.Format != "standard" && len(t.Secrets) > 0:
		l.fault(targetsKey, fmt.Sprintf("%s has a secret, and %s checks no signatures", of, t.Format), "remove the secret, or use the format standard")
	}
	for _, secret := range t.Secrets {
		if !signingSecret(secret.Reveal()) {
			l.fault(targetsKey, fmt.Sprintf("a secret of %s is not whsec_ and %d or more bytes in base64", of, minSigning), "make one with: echo whsec_$(openssl rand -base64 32)")
		}
	}
	for _, kind := range t.Kinds {
		if !slices.Contains(NotifyKinds(), kind) {
			l.fault(targetsKey, fmt.Sprintf("%s cannot have the kind %s", of, quote(kind)), "want any of: "+strings.Join(NotifyKinds(), ", "))
		}
	}
	l.readable(targetsKey, t.CA)
}

// safeAddress reports whether a text is an https URL, or an http URL of this machine.
func safeAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && u.Fragment == "" &&
		(u.Scheme == "https" || u.Scheme == "http" && loopbackHost(u.Hostname()))
}

func signingSecret(text string) bool {
	encoded, found := strings.CutPrefix(text, "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	return found && err == nil && len(key) >= minSigning
}
