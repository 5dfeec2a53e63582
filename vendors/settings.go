package vendors

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Settings is what every vendor is set by, beside its credentials. A vendor's
// Config embeds it. The yaml tags name the settings in the file, the env tags
// end the names of their variables.
type Settings struct {
	BaseURL     string        `yaml:"base_url" env:"BASE_URL"`       // what stands before the documented paths; default the documented one where there is one
	Rate        float64       `yaml:"rate" env:"RATE"`               // calls per second over all processes; 0 is no limit; the default is the vendor's own
	Concurrency int           `yaml:"concurrency" env:"CONCURRENCY"` // effects at work at a time in one process; default 16
	Timeout     time.Duration `yaml:"timeout" env:"TIMEOUT"`         // of one call; default 10s
	MaxAge      time.Duration `yaml:"max_age" env:"MAX_AGE"`         // how long a failing effect is tried again before it becomes a dead letter; default 24h

	// HTTP carries the calls; no source sets it. http.DefaultTransport's settings where it is nil.
	HTTP http.RoundTripper `yaml:"-" json:"-"`
	// Observe is told of every call; no source sets it. It may be nil.
	Observe Observer `yaml:"-" json:"-"`
	// Limiter paces the calls instead of Rate; no source sets it. It may be nil.
	Limiter Limiter `yaml:"-" json:"-"`
	// SingleAttempt says that the caller repeats what fails; no source sets it.
	SingleAttempt bool `yaml:"-" json:"-"`
}

// DefaultSettings returns the defaults that all vendors share, with what is each
// vendor's own: its documented base URL, empty where there is none, and a rate.
func DefaultSettings(baseURL string, rate float64) Settings {
	return Settings{BaseURL: baseURL, Rate: rate, Concurrency: 16, Timeout: defaultTimeout, MaxAge: 24 * time.Hour}
}

// Options returns what NewClient wants.
func (s Settings) Options() Options {
	return Options{BaseURL: s.BaseURL, Timeout: s.Timeout, Rate: s.Rate, HTTP: s.HTTP, Observe: s.Observe, Limiter: s.Limiter, SingleAttempt: s.SingleAttempt}
}

// Watch sets who is told of every call.
func (s *Settings) SetObserver(o Observer) { s.Observe = o }

// Pace sets the limiter of the calls, for a caller that repeats by itself what fails: a call
// that is repeated in the client would keep its slot meanwhile.
func (s *Settings) SetLimiter(l Limiter) { s.Limiter, s.SingleAttempt = l, true }

// Common returns the settings themselves, out of any vendor's Config.
func (s Settings) Common() Settings { return s }

// Needs says what turns a vendor on: all of Credentials, and then all of More.
// Names are yaml names of the vendor's own settings.
type Needs struct {
	Credentials []string
	More        []string
	Or          string // another way, in words; empty where there is none
}

// Fault is what is wrong with one of a vendor's settings. It shows no secret.
type Fault struct {
	Name    string // yaml name of the setting
	Problem string // what is wrong, as in: cannot be "staff"
	Fix     string // what to do, as in: want one of: operators, customers
}

// WantedNumber is Config.WantedCourse for a vendor that numbers its courses from 1 on.
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

// InvalidConfig returns the faults of a vendor's Config as one error, a line for each
// fault, or nil if there is none.
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

// OneOf returns the fault of a setting that is none of words; none where it is one.
func OneOf(name, value string, words ...string) []Fault {
	if slices.Contains(words, value) {
		return nil
	}
	return []Fault{{Name: name, Problem: fmt.Sprintf("cannot be %.80q", value), Fix: "want one of: " + strings.Join(words, ", ")}}
}
