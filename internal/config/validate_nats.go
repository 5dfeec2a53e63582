package config

import (
	"regexp"
	"strings"
)

// natsPrefix is the form of nats.prefix: a part of the names of streams, consumers and subjects.
var natsPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// checkNames checks the settings that are parts of names and subjects at NATS.
func (l *loader) checkNames() {
	n := l.config.NATS
	if n.Prefix != "" && !natsPrefix.MatchString(n.Prefix) {
		l.fault("nats.prefix", "cannot be "+quote(n.Prefix), "want up to 32 lower-case letters, digits and _, such as staging")
	}
	l.subject("nats.events_prefix", n.EventsPrefix)
	l.subject("nats.results_prefix", n.ResultsPrefix)
	l.subject("nats.inbox_prefix", n.InboxPrefix)
	l.subject("nats.api_prefix", n.APIPrefix)
	l.subject("nats.audit_api_prefix", n.AuditAPIPrefix)
	switch {
	case strings.ContainsAny(n.Domain, ".*> \t\r\n"):
		l.fault("nats.domain", "cannot be "+quote(n.Domain), "want the domain of a JetStream, one word without dots")
	case n.Domain != "" && n.APIPrefix != "":
		l.fault("nats.api_prefix", "is set, and so is nats.domain: these are two ways to one JetStream", "keep one of: nats.domain, nats.api_prefix")
	}
	l.checkLimits()
	if n.RunsEmbedded() && n.AuditAPIPrefix != "" {
		l.fault("nats.audit_api_prefix", "is set, but the embedded server has one account", "set nats.url, or leave out nats.audit_api_prefix")
	}
	if n.RunsEmbedded() && n.TLSFirst {
		l.fault("nats.tls_first", "is set, but the embedded server has no TLS", "set nats.url, or leave out nats.tls_first")
	}
}

// subject records a fault for a value that cannot begin a subject.
func (l *loader) subject(key, value string) {
	if value != "" && !literalSubject(value) {
		l.fault(key, "cannot be "+quote(value), "want a subject without wildcards and without a dot at the end")
	}
}

// literalSubject reports whether a text is a subject without wildcards.
func literalSubject(s string) bool {
	if strings.ContainsAny(s, "*> \t\r\n") {
		return false
	}
	for token := range strings.SplitSeq(s, ".") {
		if token == "" {
			return false
		}
	}
	return true
}
