package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkVendors notes the vendors that are partly set, what a vendor itself says
// of its settings, and addresses that no call can go to.
func (l *loader) checkVendors() {
	for _, s := range l.config.Vendors {
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

func (l *loader) checkFaults(s Section) {
	for _, fault := range s.Settings.Faults() {
		l.fault(s.key(fault.Name), fault.Problem, fault.Fix)
	}
}

// checkNeeds notes the needs that are none of s's settings: a slip of whoever
// wrote the vendor. It tells whether there was none.
func (l *loader) checkNeeds(s Section) (well bool) {
	well = true
	for _, name := range s.needs() {
		if _, ok := l.settings[s.key(name)]; !ok {
			l.fault(s.key(name), "is what "+s.Name+" needs, but its Config has no such setting", "mend its Needs, or a yaml tag")
			well = false
		}
	}
	return well
}

// checkCredentials notes what s still needs, where some of it is set.
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

func (l *loader) needed(s Section, names []string, why string) {
	for _, name := range names {
		if one := l.settings[s.key(name)]; one.empty() {
			l.faultAt("", one.key, "is missing, though "+why, "set "+one.variable+", or "+one.key+" in the file", nil)
		}
	}
}

// mentioned tells whether any source sets something of s.
func (l *loader) mentioned(s Section) bool {
	return slices.ContainsFunc(sorted(l.config.origins), func(key string) bool { return strings.HasPrefix(key, s.key("")) })
}

// checkURL refuses what is no address of an API, and warns of one that sends
// credentials in the clear.
func (l *loader) checkURL(s setting) {
	text := s.value.String()
	if text == "" {
		return
	}
	u, err := url.Parse(text) // its error repeats the address, which may hold a password
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		l.fault(s.key, "is no address of an API", "want https://host/path")
	case u.User != nil, u.Fragment != "", u.RawQuery != "" && strings.HasSuffix(s.key, ".base_url"):
		l.fault(s.key, "holds a user, a query or a fragment", "give the address only; credentials have settings of their own")
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		l.warn(s.key + " is http: credentials and personal data go in the clear; use https")
	}
}

// checkCourses refuses courses at vendors that there are not, and ids that a vendor's
// courses cannot have.
func (l *loader) checkCourses() {
	var names []string
	for _, s := range l.config.Vendors {
		names = append(names, s.Name)
	}
	for _, course := range sorted(l.config.Courses) {
		for _, at := range sorted(l.config.Courses[course]) {
			key, id, want := "courses."+course+"."+at, l.config.Courses[course][at], ""
			s, known := l.config.Section(at)
			if known {
				want = s.Settings.WantedCourse(id)
			}
			switch {
			case !known:
				l.faultAt(l.config.lines[key], key, "names no vendor", "want one of: "+strings.Join(names, ", "), nil)
			case id == "":
				l.faultAt(l.config.lines[key], key, "is empty", "give the vendor's id of the course, or remove the line", nil)
			case want != "":
				l.faultAt(l.config.lines[key], key, fmt.Sprintf("cannot be %q", id), want, nil)
			}
		}
	}
}

// RequireVendor returns an error where no vendor is on, though this process is to
// act on events: there is nothing to serve then. It says what turns each of them on.
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
