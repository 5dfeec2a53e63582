package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/usherhq/usher/vendors"
)

const httpOff = "off"

// check records every fault of the values, alone and together.
func (l *loader) check() {
	l.checkEach()
	l.checkWords()
	l.checkDeletions("deletions", l.config.Deletions)
	l.checkProfiles()
	l.checkTraces()
	l.checkNotify()
	l.checkNATS()
	l.checkHTTP()
	l.checkConsole()
	l.checkAddresses()
	l.checkParts()
	l.checkRules()
	l.checkVendors()
	l.checkTwins()
	l.checkLeftBehind()
	l.checkOrder()
	l.checkCourses()
	l.checkRelations()
}

// checkEach checks every value by its kind.
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
			if value < 1 && s.key != "deletions.count" { // 0 turns the guard off
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

// checkSecret rejects secrets with characters outside headers.
func (l *loader) checkSecret(key string, secret vendors.Secret) {
	if strings.ContainsFunc(secret.Reveal(), unicode.IsControl) {
		l.fault(key, "holds a line end or another control character", "set only the secret")
	}
}

func (l *loader) checkWords() {
	c := l.config
	l.oneOf("log.level", c.Log.Level, "trace", "debug", "info", "warn", "error")
	l.oneOf("extensions", c.Extensions, ExtensionsRefuse, ExtensionsDrop)
	l.oneOf("activity.order", c.Activity.Order, OrderUser, OrderNone)
	l.oneOf("log.format", c.Log.Format, "auto", "json", "console")
	if _, err := url.Parse(c.Source); err != nil || c.Source == "" || strings.ContainsAny(c.Source, " \t\n") {
		l.fault("source", "is no URI reference", "want a path or a URL, such as /usher")
	}
}

// checkDeletions checks the limits of a deletion guard at a key.
func (l *loader) checkDeletions(key string, d Deletions) {
	if d.Window <= 0 {
		l.fault(key+".window", "must be above zero", "want a duration such as 30s, 10m or 24h")
	}
	if d.Count < 0 {
		l.fault(key+".count", fmt.Sprintf("cannot be %d", d.Count), "want 1 or more, or 0 to turn the deletion guard off")
	}
	if d.Share <= 0 || d.Share > 1 {
		l.fault(key+".share", fmt.Sprintf("cannot be %v", d.Share), "want more than 0 and no more than 1")
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
			l.fault("nats.url", "has a value that is not the URL of a NATS server", "want nats://host:4222, several separated by commas")
		}
	}
	l.checkNames()
	l.pair("nats.user", n.User != "", "nats.password", n.Password != "")
	l.pair("nats.cert", n.Cert != "", "nats.key", n.Key != "")
	l.checkWays()
	l.readable("nats.creds", n.Creds)
	l.readable("nats.nkey", n.NKey)
	l.readable("nats.ca", n.CA)
	l.readable("nats.cert", n.Cert)
	l.readable("nats.key", n.Key)
	if n.AuditKey != "" && len(n.AuditKey) < minToken {
		l.fault("nats.audit_key", fmt.Sprintf("has fewer than %d bytes", minToken), "make one with: openssl rand -hex 32")
	}
	for _, key := range n.EventsKeys {
		if len(key) < minToken {
			l.fault("nats.events_keys", fmt.Sprintf("holds a key of fewer than %d bytes", minToken), "make one with: openssl rand -hex 32")
		}
	}
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

// checkWays rejects two ways to log in.
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

// pair records a fault if only the first or the second of two related settings is set.
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
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // opening a pipe blocks, and would take the text away
		l.fault(key, "names no regular file: the file is read again after a change", "name a file")
		return
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err == nil {
		err = f.Close()
	}
	if cause, ok := errors.AsType[*os.PathError](err); ok {
		l.fault(key, fmt.Sprintf("names a file that cannot be read: %v", cause.Err), "name a file that this process may read")
	}
}

// checkAddresses rejects listening on the network without authentication.
func (l *loader) checkAddresses() {
	c := l.config
	const want = "want host:port, such as 127.0.0.1:8080"
	switch addr := c.HTTP.Addr; {
	case addr == httpOff:
	case !hostPort(addr):
		l.fault("http.addr", "cannot be "+quote(addr), want+", or off")
	case !loopback(addr) && c.HTTP.Events && len(c.HTTP.Tokens)+len(c.HTTP.Clients) == 0:
		l.fault("http.addr", quote(addr)+" is open to the network without a token",
			"set http.tokens ("+l.settings["http.tokens"].variable+"), or listen on 127.0.0.1, or turn http.events off")
	}
	n := c.NATS
	switch addr := n.Embedded.Addr; {
	case addr == "":
	case !n.RunsEmbedded():
		l.warn(fmt.Sprintf("nats.embedded.addr (%s) is ignored: nats.url is set (%s), so no embedded server runs", l.config.origins["nats.embedded.addr"], l.config.origins["nats.url"]))
	case !hostPort(addr):
		l.fault("nats.embedded.addr", "cannot be "+quote(addr), "want host:port, such as 127.0.0.1:4222")
	case !loopback(addr) && n.Token == "" && n.User == "":
		l.fault("nats.embedded.addr", quote(addr)+" is open to the network without credentials",
			"set nats.token, or nats.user and nats.password, or listen on 127.0.0.1")
	}
}

// checkParts rejects a process without work: on is false, and the process can neither pass
// events on nor receive any.
func (l *loader) checkParts() {
	c := l.config
	switch {
	case c.Worker.On:
	case !c.HTTP.On() || !c.HTTP.Events:
		l.fault("worker.on", "is false, and no events are accepted over HTTP either: nothing is left to do", "turn worker.on on, or http.events and http.addr")
	case c.NATS.RunsEmbedded():
		l.fault("worker.on", "is false, and no other process can work on the events of the embedded server", "set nats.url to a server that other processes reach")
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
