package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/usherhq/usher/vendors"
)

const httpOff = "off"

// check notes every fault of the values and of what they mean together.
func (l *loader) check() {
	l.checkEach()
	l.checkWords()
	l.checkNATS()
	l.checkAddresses()
	l.checkVendors()
	l.checkCourses()
	l.checkRelations()
}

// checkEach holds every value to what its kind allows.
func (l *loader) checkEach() {
	for _, s := range l.config.settings() {
		switch value := s.value.Interface().(type) {
		case time.Duration:
			if value <= 0 {
				l.fault(s.key, "must be above zero", "want "+s.want())
			}
		case float64:
			if value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
				l.fault(s.key, "must be zero (no limit) or above", "want calls per second, such as 5")
			}
		case int:
			if value < 1 {
				l.fault(s.key, "must be at least 1", "want "+s.want())
			}
		case vendors.Secret:
			l.checkSecret(s.key, value)
		case Tokens:
			for _, token := range value {
				l.checkSecret(s.key, token)
			}
		}
	}
}

// checkSecret refuses what no header can carry.
func (l *loader) checkSecret(key string, secret vendors.Secret) {
	if strings.ContainsFunc(secret.Reveal(), unicode.IsControl) {
		l.fault(key, "holds a line end or another control character", "give the secret and nothing else")
	}
}

func (l *loader) checkWords() {
	c := l.config
	l.oneOf("log.level", c.Log.Level, "trace", "debug", "info", "warn", "error")
	l.oneOf("log.format", c.Log.Format, "auto", "json", "console")
	l.oneOf("vendors.meiro.mode", c.Vendors.Meiro.Mode, ModeOperators, ModeCustomers)
	l.oneOf("vendors.magloft.mode", c.Vendors.MagLoft.Mode, ModeClients, ModeReaders)
	if _, err := url.Parse(c.Source); err != nil || c.Source == "" || strings.ContainsAny(c.Source, " \t\n") {
		l.fault("source", "is no URI reference", "want a path or a URL, such as /usher")
	}
}

func (l *loader) oneOf(key, value string, words ...string) {
	if !slices.Contains(words, value) {
		l.fault(key, "cannot be "+quote(value), "want one of: "+strings.Join(words, ", "))
	}
}

func (l *loader) checkNATS() {
	n := l.config.NATS
	for server := range strings.SplitSeq(n.URL, ",") {
		if n.URL != "" && !natsServer(server) {
			l.fault("nats.url", "holds what is no address of a NATS server", "want nats://host:4222, several separated by commas")
		}
	}
	l.pair("nats.user", n.User != "", "nats.password", n.Password != "")
	l.pair("nats.cert", n.Cert != "", "nats.key", n.Key != "")
	l.checkWays()
	l.readable("nats.creds", n.Creds)
	l.readable("nats.nkey", n.NKey)
	l.readable("nats.ca", n.CA)
	l.readable("nats.cert", n.Cert)
	l.readable("nats.key", n.Key)
	if n.Replicas > 5 || n.Replicas%2 == 0 {
		l.fault("nats.replicas", fmt.Sprintf("cannot be %d", n.Replicas), "want 1, 3 or 5")
	} else if n.RunsEmbedded() && n.Replicas > 1 {
		l.fault("nats.replicas", "is more than 1, but the embedded server is alone", "set nats.url to a cluster, or nats.replicas to 1")
	}
	if n.RunsEmbedded() && n.Embedded.Dir == "" {
		l.fault("nats.embedded.dir", "is empty", "name a folder that stays, such as data/nats")
	}
}

func natsServer(server string) bool {
	server = strings.TrimSpace(server)
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	return err == nil && u.Hostname() != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)
}

// checkWays refuses two ways to log in at once.
func (l *loader) checkWays() {
	n := l.config.NATS
	var ways []string
	for _, way := range []struct {
		key string
		set bool
	}{
		{"nats.creds", n.Creds != ""},
		{"nats.nkey", n.NKey != ""},
		{"nats.user", n.User != ""},
		{"nats.token", n.Token != ""},
	} {
		if way.set {
			ways = append(ways, way.key)
		}
	}
	if len(ways) > 1 {
		l.fault(ways[1], "is set, and so is "+ways[0]+": these are two ways to log in", "keep one of: "+strings.Join(ways, ", "))
	}
}

// pair notes a fault where one of two settings is missing that go together.
func (l *loader) pair(first string, one bool, second string, other bool) {
	switch {
	case one && !other:
		l.fault(second, "is missing, though "+first+" is set", "set both or neither")
	case other && !one:
		l.fault(first, "is missing, though "+second+" is set", "set both or neither")
	}
}

func (l *loader) readable(key, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err == nil {
		err = f.Close()
	}
	var cause *os.PathError
	if errors.As(err, &cause) {
		l.fault(key, fmt.Sprintf("names a file that cannot be read: %v", cause.Err), "name one that this process may read")
	}
}

// checkAddresses refuses to listen to the network without asking who is there.
func (l *loader) checkAddresses() {
	c := l.config
	const want = "want host:port, such as 127.0.0.1:8080"
	switch addr := c.HTTP.Addr; {
	case addr == httpOff:
	case !hostPort(addr):
		l.fault("http.addr", "cannot be "+quote(addr), want+", or off")
	case !loopback(addr) && len(c.HTTP.Tokens) == 0:
		l.fault("http.addr", quote(addr)+" is open to the network, and no token is asked for",
			"set http.tokens ("+l.settings["http.tokens"].variable+"), or listen on 127.0.0.1")
	}
	n := c.NATS
	switch addr := n.Embedded.Addr; {
	case addr == "" || !n.RunsEmbedded():
	case !hostPort(addr):
		l.fault("nats.embedded.addr", "cannot be "+quote(addr), "want host:port, such as 127.0.0.1:4222")
	case !loopback(addr) && n.Token == "" && n.User == "":
		l.fault("nats.embedded.addr", quote(addr)+" is open to the network, and no credentials are asked for",
			"set nats.token, or nats.user and nats.password, or listen on 127.0.0.1")
	}
}

func hostPort(addr string) bool {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// checkVendors notes the vendors that are partly set, and addresses that no
// call can go to.
func (l *loader) checkVendors() {
	for _, v := range l.config.vendors() {
		l.checkCredentials(v)
		l.checkURL(v.key("base_url"))
	}
	l.checkURL("vendors.meiro.collect_url")
	m := l.config.Vendors.Meiro
	if m.Mode == ModeOperators && m.AccessToken != "" && (m.Email != "" || m.Password != "") {
		l.fault("vendors.meiro.access_token", "is set, and so is the log-in by e-mail: one of them would be ignored",
			"keep the access token, or the e-mail and the password")
	}
}

// checkCredentials notes what v still needs, where some of it is set.
func (l *loader) checkCredentials(v vendor) {
	missing := v.missing(l.settings)
	n := v.needs()
	on := !slices.ContainsFunc(n.credentials, func(name string) bool { return l.settings[v.key(name)].empty() })
	partly := slices.ContainsFunc(n.credentials, func(name string) bool { return !l.settings[v.key(name)].empty() })
	switch {
	case on:
		l.needed(v, n.more, v.name+" is on")
	case partly:
		l.needed(v, append(n.credentials, n.more...), "other credentials of "+v.name+" are set")
	case l.mentioned(v):
		l.warn(v.name + " has settings but is off: " + v.advice(missing))
	}
}

func (l *loader) needed(v vendor, names []string, why string) {
	for _, name := range names {
		if s := l.settings[v.key(name)]; s.empty() {
			l.faultAt("", s.key, "is missing, though "+why, "set "+s.variable+", or "+s.key+" in the file", nil)
		}
	}
}

// mentioned tells whether any source sets something of v.
func (l *loader) mentioned(v vendor) bool {
	return slices.ContainsFunc(sorted(l.config.origins), func(key string) bool { return strings.HasPrefix(key, v.key("")) })
}

// checkURL refuses what is no address of an API, and warns of one that sends
// credentials in the clear.
func (l *loader) checkURL(key string) {
	text := l.settings[key].value.String()
	if text == "" {
		return
	}
	u, err := url.Parse(text) // its error repeats the address, which may hold a password
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		l.fault(key, "is no address of an API", "want https://host/path")
	case u.User != nil, u.Fragment != "", u.RawQuery != "" && strings.HasSuffix(key, ".base_url"):
		l.fault(key, "holds a user, a query or a fragment", "give the address only; credentials have settings of their own")
	case u.Scheme == "http" && !loopbackHost(u.Hostname()):
		l.warn(key + " is http: credentials and personal data go in the clear; use https")
	}
}

// checkCourses refuses courses at vendors that there are not.
func (l *loader) checkCourses() {
	var names []string
	for _, v := range l.config.vendors() {
		names = append(names, v.name)
	}
	for _, course := range sorted(l.config.Courses) {
		for _, at := range sorted(l.config.Courses[course]) {
			key := "courses." + course + "." + at
			if !slices.Contains(names, at) {
				l.faultAt(l.config.lines[key], key, "names no vendor", "want one of: "+strings.Join(names, ", "), nil)
			} else if l.config.Courses[course][at] == "" {
				l.faultAt(l.config.lines[key], key, "is empty", "give the vendor's id of the course, or remove the line", nil)
			}
		}
	}
}

// RequireVendor returns an error where no vendor is on: there is nothing to
// serve then. It says what turns each of them on.
func (c Config) RequireVendor() error {
	off := c.Off()
	if len(off) < reflect.TypeFor[Vendors]().NumField() {
		return nil
	}
	var b strings.Builder
	b.WriteString("no vendor is on; set the credentials of at least one:")
	for _, name := range sorted(off) {
		fmt.Fprintf(&b, "\n  %-8s  %s", name, off[name])
	}
	return errors.New(b.String())
}
