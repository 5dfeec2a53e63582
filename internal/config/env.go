package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/usherhq/usher/bounded"
)

const fileSuffix = "_FILE"

// ActorVar is the variable with the user of the commands, for usher audit. ActorVar is no
// setting.
const ActorVar = prefix + "ACTOR"

// serviceLink matches variables that Kubernetes adds for each service: for a service named
// usher, USHER_SERVICE_HOST and USHER_PORT_8080_TCP_ADDR.
var serviceLink = regexp.MustCompile(`_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP).*)?$`)

// environ returns the variables of list with a value.
func environ(list []string) map[string]string {
	out := map[string]string{}
	for _, entry := range list {
		if name, value, _ := strings.Cut(entry, "="); value != "" {
			out[name] = value
		}
	}
	return out
}

// environment applies every variable, and warns about unknown variables, because a misspelled
// name would go unnoticed.
func (l *loader) environment() {
	read := map[string]bool{pathVar: true, ActorVar: true}
	for _, s := range l.config.settings() {
		if s.variable == "" {
			continue
		}
		read[s.variable] = true
		if s.secret() {
			read[s.variable+fileSuffix] = true
		}
		l.variable(s)
	}
	for _, name := range sorted(l.environ) {
		if strings.HasPrefix(name, prefix) && !read[name] && !serviceLink.MatchString(name) {
			l.unknown(name, read)
		}
	}
}

// unknown reports a variable that no setting reads.
func (l *loader) unknown(name string, read map[string]bool) {
	for key, now := range renamed {
		if name == variableOf(key) {
			l.faultAt(name, key, "is now "+now, "set "+variableOf(now)+" in its place, to the same value", nil)
			return
		}
	}
	l.warn(l.unread(name, sorted(read)))
}

// variableOf returns the variable of a setting outside of the vendors.
func variableOf(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// variable applies the variable of s, or the secret file named by the variable.
func (l *loader) variable(s setting) {
	value, origin := l.environ[s.variable], s.variable
	if path := l.environ[s.variable+fileSuffix]; path != "" && s.secret() {
		origin = s.variable + fileSuffix
		if value != "" {
			l.faultAt("", s.key, "is set twice: "+s.variable+" and "+origin, "keep one of them", nil)
			return
		}
		text, err := bounded.ReadFile(path, bounded.SettingsFile)
		value = strings.TrimRight(string(text), "\r\n")
		if err != nil || value == "" {
			l.faultAt("", s.key, unreadable(origin, err), "name a file with only the secret", err)
			return
		}
	}
	if value == "" {
		return
	}
	if err := s.setText(value); err != nil {
		l.faultAt(origin, s.key, unfit(s, value), "want "+s.want(), nil)
		return
	}
	l.config.origins[s.key] = origin
}

func unreadable(origin string, err error) string {
	if err == nil {
		return "the file that " + origin + " names is empty"
	}
	return fmt.Sprintf("the file that %s names cannot be read: %v", origin, err)
}

// setText sets s from the text of a variable. Variables are applied one at a time, so each
// fault has a name.
func (s setting) setText(text string) error {
	return env.ParseWithOptions(s.in, env.Options{Prefix: s.before, Environment: map[string]string{s.variable: text}})
}

func (l *loader) unread(name string, known []string) string {
	base, isFile := strings.CutSuffix(name, fileSuffix)
	for _, s := range l.settings {
		if isFile && s.variable == base {
			return name + " is not read: only secrets are read from files; set " + base
		}
	}
	if near := nearest(name, known); near != "" {
		return name + " is not read by anything: did you mean " + near + "?"
	}
	return name + " is not read by anything"
}
