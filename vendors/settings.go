package vendors

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Settings are the settings of every vendor, except for credentials. The Config of a vendor
// embeds Settings. The yaml tags name the settings in the file; the env tags are the last part
// of the environment variables.
type Settings struct {
	BaseURL     string        `yaml:"base_url" env:"BASE_URL"`       // the URL before the documented paths; default the documented URL, if any
	Rate        float64       `yaml:"rate" env:"RATE"`               // calls per second of all processes; 0 is no limit; the default differs by vendor
	Concurrency int           `yaml:"concurrency" env:"CONCURRENCY"` // effects in progress at a time in one process; default 16
	Timeout     time.Duration `yaml:"timeout" env:"TIMEOUT"`         // of one call; default 10s
	MaxAge      time.Duration `yaml:"max_age" env:"MAX_AGE"`         // time of retries of a failing effect, until the dead letter; default 24h
	Connection  `yaml:",inline"`

	// HTTP carries the calls instead of Connection. Not a setting of file or environment. Default: a
	// copy of http.DefaultTransport with the settings of Connection.
	HTTP http.RoundTripper `yaml:"-" json:"-"`
	// Observe is called after each call. Not a setting of file or environment. May be nil.
	Observe Observer `yaml:"-" json:"-"`
	// Limiter limits the calls instead of Rate. Not a setting of file or environment. May be
	// nil.
	Limiter Limiter `yaml:"-" json:"-"`
	// ReadOnly refuses the calls that may change something; see Options. Not a setting of file or
	// environment.
	ReadOnly bool `yaml:"-" json:"-"`
	// Refused is called with each refused call; see Options. Not a setting of file or environment.
	Refused func(Request) `yaml:"-" json:"-"`
	// SingleAttempt turns retries of the client off. Not a setting of file or environment.
	SingleAttempt bool `yaml:"-" json:"-"`
}

// DefaultSettings returns the common defaults, with a vendor's documented base URL ("" if there
// is none) and rate in calls per second.
func DefaultSettings(baseURL string, rate float64) Settings {
	return Settings{BaseURL: baseURL, Rate: rate, Concurrency: 16, Timeout: defaultTimeout, MaxAge: 24 * time.Hour}
}

// Options returns the options for NewClient.
func (s Settings) Options() Options {
	return Options{BaseURL: s.BaseURL, Timeout: s.Timeout, Rate: s.Rate, Connection: s.Connection, HTTP: s.HTTP, Observe: s.Observe, Limiter: s.Limiter, ReadOnly: s.ReadOnly, Refused: s.Refused, SingleAttempt: s.SingleAttempt}
}

// SetObserver sets Observe.
func (s *Settings) SetObserver(o Observer) { s.Observe = o }

// SetReadOnly refuses the calls that may change something. refused is called with each; may be nil.
func (s *Settings) SetReadOnly(refused func(Request)) { s.ReadOnly, s.Refused = true, refused }

// SetLimiter sets the limiter and turns retries of the client off, for a caller with retries of
// its own: a call in the client's backoff would keep its slot.
func (s *Settings) SetLimiter(l Limiter) { s.Limiter, s.SingleAttempt = l, true }

// Common returns the settings of every vendor from the Config of any vendor.
func (s Settings) Common() Settings { return s }

// Needs are the settings that turn a vendor on: all of Credentials, and then all of More. The
// names are yaml names of the vendor's settings.
type Needs struct {
	Credentials []string
	More        []string
	Or          string // an alternative, in words; "" if there is none
}

// Fault is an invalid value of a vendor's setting. A Fault shows no secret.
type Fault struct {
	Name    string // yaml name of the setting
	Problem string // the problem, such as: cannot be "staff"
	Fix     string // the correction, such as: want one of: operators, customers
}

// WantedNumber is Config.WantedCourse of a vendor that numbers courses from 1 on.
func WantedNumber(id string) string {
	if _, err := ParseID("", "", "course", id); err != nil {
		return "want the number of the course at the vendor"
	}
	return ""
}

// Faults returns no fault. A Config with rules of its own replaces this method.
func (s Settings) Faults() []Fault { return nil }

// WantedCourse returns "": every course id may exist. A Config of a vendor with a known
// form of course ids replaces this method; its result says which ids are accepted.
func (s Settings) WantedCourse(string) string { return "" }

// CanDisable reports whether the adapter of a Config is a Disabler. A Config of a vendor with
// the port replaces this method.
func (s Settings) CanDisable() bool { return false }

// Keys returns the keys by which the vendor finds the account of a user, in the order of the adapter:
// KeyEmail. A Config of a vendor with other keys, or none, replaces this method.
func (s Settings) Keys() []string { return []string{KeyEmail} }

// CanDelete reports whether the vendor can delete an account. A Config of a vendor without such a call
// replaces this method.
func (s Settings) CanDelete() bool { return true }

// DisablesByDefault reports whether a deletion disables the account unless the team sets
// on_delete. A Config of a vendor with such a default replaces this method.
func (s Settings) DisablesByDefault() bool { return false }

// InvalidConfig returns the faults of a vendor's Config as one error, with a line per fault, or
// nil.
func InvalidConfig(vendor string, faults []Fault) error {
	var all []error
	for _, f := range faults {
		all = append(all, fmt.Errorf("%s: %s %s; %s", vendor, f.Name, f.Problem, f.Fix))
	}
	return errors.Join(all...)
}

// Require returns a fault if the value of the setting is empty.
func Require(name, value string) []Fault {
	if value != "" {
		return nil
	}
	return []Fault{{Name: name, Problem: "is missing", Fix: "set " + name}}
}

// RequireURL returns a fault unless the value of the setting is an http or https URL.
func RequireURL(name, value string) []Fault {
	if value == "" {
		return Require(name, value)
	}
	if (Options{BaseURL: value}).Check() == nil {
		return nil
	}
	return []Fault{{Name: name, Problem: "is not an http or https URL", Fix: "want https://host/path"}}
}

// OneOf returns a fault unless value is one of words.
func OneOf(name, value string, words ...string) []Fault {
	if slices.Contains(words, value) {
		return nil
	}
	return []Fault{{Name: name, Problem: fmt.Sprintf("cannot be %.80q", value), Fix: "want one of: " + strings.Join(words, ", ")}}
}
