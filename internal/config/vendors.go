package config

import (
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Section has the settings of one vendor: below vendors.<Name> in the file, and in variables
// that begin with USHER_<NAME>_. A vendor is on if the credentials are set.
type Section struct {
	Name     string   // name of the vendor in lower case, such as miestro
	Settings Settings // pointer to the vendor's Config with the defaults; set by Load
	Rules    Rules    // of the team
}

// Settings is the Config of a vendor: a pointer to a struct whose fields have yaml and
// env tags, with vendors.Settings inline.
type Settings interface {
	// Common returns the settings of every vendor.
	Common() vendors.Settings
	// Needs returns the settings that turn the vendor on.
	Needs() vendors.Needs
	// Faults returns the faults of single values. Missing settings are no faults.
	Faults() []vendors.Fault
	// WantedCourse returns which course ids the vendor accepts, or "" if id may be one. An
	// enrolment in a course with any other id ends as a dead letter.
	WantedCourse(id string) string
	// CanDisable reports whether the vendor can disable an account.
	CanDisable() bool
	// Keys returns the keys by which the vendor finds the account of a user; none for a vendor with our
	// ids only.
	Keys() []string
	// CanDelete reports whether the vendor can delete an account.
	CanDelete() bool
	// DisablesByDefault reports whether on_delete is disable unless set.
	DisablesByDefault() bool
	// SetObserver sets the observer of all calls.
	SetObserver(o vendors.Observer)
	// SetReadOnly refuses all calls that may change something. refused is called with each; may be
	// nil.
	SetReadOnly(refused func(vendors.Request))
	// SetLimiter sets the limiter of all calls, and turns retries of the client off.
	SetLimiter(l vendors.Limiter)
}

// Described are Settings of a kind that a file describes: the setting file, with further settings
// that the file declares.
type Described interface {
	Settings
	// Describe reads the file at path, relative to the folder of the configuration, before any
	// setting of the section is read. The error joins the faults of the file; see Located.
	Describe(folder, path string) error
	// Description returns the path of the file, and the text that Describe read.
	Description() (path, text string)
}

// Located is a fault in another file than the configuration.
type Located interface {
	error
	// Located returns the place, such as acme.yaml:12, the key, the problem and the correction.
	Located() (at, key, problem, fix string)
}

// Section returns the settings of a vendor, and whether the vendor exists.
func (c Config) Section(name string) (Section, bool) {
	for _, s := range c.Vendors {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// key returns the key of a setting in the file.
func (s Section) key(name string) string { return "vendors." + s.Name + "." + name }

// variables returns the common prefix of the vendor's variables.
func (s Section) variables() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_"
}

// On returns the names of the vendors that are on, in the order of c.Vendors.
func (c Config) On() []string {
	off := c.Off()
	var on []string
	for _, s := range c.Vendors {
		if _, ok := off[s.Name]; !ok {
			on = append(on, s.Name)
		}
	}
	return on
}

// Off returns, for each vendor that is off, how to turn the vendor on.
func (c Config) Off() map[string]string {
	all := c.index()
	off := map[string]string{}
	for _, s := range c.Vendors {
		if s.Rules.Mode.Is(Off) {
			off[s.Name] = s.key("mode") + " is off"
			continue
		}
		if missing := s.missing(all); len(missing) > 0 {
			off[s.Name] = s.advice(missing)
		}
	}
	return off
}

// needs returns all settings that turn the vendor on.
func (s Section) needs() []string {
	n := s.Settings.Needs()
	return slices.Concat(n.Credentials, n.More)
}

// advice returns how to turn the vendor on.
func (s Section) advice(missing []string) string {
	advice := "set " + strings.Join(missing, ", ")
	if or := s.Settings.Needs().Or; or != "" {
		advice += " (or " + or + ")"
	}
	return advice
}

// missing returns the variables of the needs without a value.
func (s Section) missing(all map[string]setting) []string {
	var out []string
	for _, name := range s.needs() {
		if one := all[s.key(name)]; one.empty() {
			out = append(out, one.variable)
		}
	}
	return out
}
