package config

import (
	"slices"
	"strings"
)

// Divide divides the faults of an error of Load: in the sections, and elsewhere. A fault of the whole
// file has no key, and is elsewhere.
func Divide(err error, sections ...string) (within, elsewhere []*Error) {
	for _, fault := range Faults(err) {
		section, _, _ := strings.Cut(fault.Key, ".")
		if slices.Contains(sections, section) {
			within = append(within, fault)
		} else {
			elsewhere = append(elsewhere, fault)
		}
	}
	return within, elsewhere
}

// Reset sets the settings with faults to their defaults. Settings of vendors stay.
func (c *Config) Reset(faults []*Error) {
	standard := Default()
	defaults, settings := standard.index(), c.index()
	for _, fault := range faults {
		s, ok := settings[fault.Key]
		if d, known := defaults[fault.Key]; ok && known {
			s.value.Set(d.value)
		}
	}
}
