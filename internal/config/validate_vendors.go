package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkVendors checks the settings of all vendors: missing settings, faults by the vendor's own
// rules, and URLs.
func (l *loader) checkVendors() {
	for _, s := range l.config.Vendors {
		if s.Rules.Mode.Is(Off) || l.opaque[s.key("")] {
			continue
		}
		l.checkFaults(s)
		if l.checkNeeds(s) {
			l.checkCredentials(s)
		}
	}
	for _, s := range l.config.settings() {
		if strings.HasPrefix(s.key, "vendors.") && strings.HasSuffix(s.key, "_url") {
			l.checkURL(s)
		}
	}
}

// checkFaults records the faults of single values, by the vendor's own rules.
func (l *loader) checkFaults(s Section) {
	for _, fault := range slices.Concat(s.Settings.Faults(), s.Settings.Common().ConnectionFaults()) {
		l.fault(s.key(fault.Name), fault.Problem, fault.Fix)
	}
}

// checkNeeds reports whether all needs of s are settings of s. Otherwise the vendor's code has
// a mistake.
func (l *loader) checkNeeds(s Section) bool {
	well := true
	for _, name := range s.needs() {
		if _, ok := l.settings[s.key(name)]; !ok {
			l.fault(s.key(name), "is required by "+s.Name+", but the vendor's Config has no such setting", "correct Needs or a yaml tag of the vendor")
			well = false
		}
	}
	return well
}

// checkCredentials records the missing settings of a partly configured vendor.
func (l *loader) checkCredentials(s Section) {
	n := s.Settings.Needs()
	empty := func(name string) bool { return l.settings[s.key(name)].empty() }
	on := !slices.ContainsFunc(n.Credentials, empty)
	partly := slices.ContainsFunc(n.Credentials, func(name string) bool { return !empty(name) })
	switch {
	case on:
		l.needed(s, n.More, s.Name+" is on")
	case partly:
		l.needed(s, s.needs(), "other credentials of "+s.Name+" are set")
	case l.mentioned(s):
		l.warn(s.Name + " has settings but is off: " + s.advice(s.missing(l.settings)))
	}
}

// needed records a fault for each missing setting.
func (l *loader) needed(s Section, names []string, why string) {
	for _, name := range names {
		if one := l.settings[s.key(name)]; one.empty() {
			l.faultAt("", one.key, "is missing, though "+why, "set "+one.variable+", or "+one.key+" in the file", nil)
		}
	}
}

// mentioned reports whether any source has a setting of s.
func (l *loader) mentioned(s Section) bool {
	return slices.ContainsFunc(sorted(l.config.origins), func(key string) bool { return strings.HasPrefix(key, s.key("")) })
}

// checkURL rejects values that are no URL of an API, and warns about credentials without
// encryption.
func (l *loader) checkURL(s setting) {
	text := s.value.String()
	if text == "" {
		return
	}
	u, err := url.Parse(text) // err contains the URL, which may have a password
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		l.fault(s.key, "is not the URL of an API", "want https://host/path")
	case u.User != nil, u.Fragment != "", u.RawQuery != "" && strings.HasSuffix(s.key, ".base_url"):
		l.fault(s.key, "has a user, a query or a fragment", "set only the URL; credentials have settings of their own")
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		l.warn(s.key + " is http: credentials and personal data are sent unencrypted; use https")
	}
}

// checkOrder rejects unknown orders of events.
func (l *loader) checkOrder() {
	for _, source := range sorted(l.config.Order) {
		if order := l.config.Order[source]; order != OrderPosition && order != OrderTime {
			l.fault("order", quote(source)+" has the order "+quote(order), "want "+OrderPosition+" or "+OrderTime)
		}
	}
}

// checkCourses rejects courses at unknown vendors, and course ids that a vendor cannot have.
func (l *loader) checkCourses() {
	var names []string
	for _, s := range l.config.Vendors {
		names = append(names, s.Name)
	}
	for _, course := range sorted(l.config.Courses) {
		for _, at := range sorted(l.config.Courses[course]) {
			key := "courses." + course + "." + at
			id := l.config.Courses[course][at]
			want := ""
			s, known := l.config.Section(at)
			if known {
				want = s.Settings.WantedCourse(id)
			}
			switch {
			case !known:
				l.faultAt(l.config.lines[key], key, "is not the name of a vendor", "want one of: "+strings.Join(names, ", "), nil)
			case id == "":
				l.faultAt(l.config.lines[key], key, "is empty", "set the vendor's id of the course, or remove the line", nil)
			case want != "":
				l.faultAt(l.config.lines[key], key, fmt.Sprintf("cannot be %q", id), want, nil)
			}
		}
	}
}

// RequireVendor returns an error if this process is to work on events and no vendor is on. The
// error lists the settings that turn each vendor on.
func (c Config) RequireVendor() error {
	off := c.Off()
	if !c.Worker.On || len(off) < len(c.Vendors) {
		return nil
	}
	var b strings.Builder
	b.WriteString("no vendor is on; set the credentials of at least one:")
	for _, name := range sorted(off) {
		fmt.Fprintf(&b, "\n  %-8s  %s", name, off[name])
	}
	return errors.New(b.String())
}
