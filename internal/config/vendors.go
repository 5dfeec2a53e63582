package config

import (
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Section is the settings of one vendor: those below vendors.<Name> in the file,
// and the variables that begin with USHER_<NAME>_. A vendor is on when its
// credentials are there.
type Section struct {
	Name     string   // the vendor's, in lower case, such as miestro
	Settings Settings // a pointer to the vendor's Config, which holds its defaults; Load fills it in
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
	SetObserver(o vendors.Observer)
	SetLimiter(l vendors.Limiter)
}

// Section returns the settings of the vendor called name, and whether there are any.
func (c Config) Section(name string) (Section, bool) {
	for _, s := range c.Vendors {
		if s.Name == name {
			return s, true
		}
	}
	return Section{}, false
}

// key is the name of a setting of s in the file.
func (s Section) key(name string) string { return "vendors." + s.Name + "." + name }

// variables is what the names of s's variables begin with.
func (s Section) variables() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "_"
}

// On lists the vendors that are on, in the order of c.Vendors.
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

// Off returns, for each vendor that is off, the variables that would turn it on.
func (c Config) Off() map[string]string {
	all := c.index()
	off := map[string]string{}
	for _, s := range c.Vendors {
		if missing := s.missing(all); len(missing) > 0 {
			off[s.Name] = s.advice(missing)
		}
	}
	return off
}

// needs lists all that s needs.
func (s Section) needs() []string {
	n := s.Settings.Needs()
	return slices.Concat(n.Credentials, n.More)
}

func (s Section) advice(missing []string) string {
	advice := "set " + strings.Join(missing, ", ")
	if or := s.Settings.Needs().Or; or != "" {
		advice += " (or " + or + ")"
	}
	return advice
}

// missing lists the variables of s's needs that have no value.
func (s Section) missing(all map[string]setting) []string {
	var out []string
	for _, name := range s.needs() {
		if one := all[s.key(name)]; one.empty() {
			out = append(out, one.variable)
		}
	}
	return out
}
