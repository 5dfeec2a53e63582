package config

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Traces configures the export of OpenTelemetry traces (docs/traces.md).
type Traces struct {
	// Endpoint is the base URL of a collector for OTLP over HTTP, such as
	// http://localhost:4318. Default "": no traces.
	Endpoint string         `yaml:"endpoint" env:"ENDPOINT"`
	Headers  vendors.Secret `yaml:"headers" env:"HEADERS"` // headers for the collector, as name=value, separated by commas; default none
	Ratio    float64        `yaml:"ratio" env:"RATIO"`     // share of exported traces among traces that begin here, from 0 to 1; default 1
}

// Sent returns Headers by name. ok is false for malformed headers.
func (t Traces) Sent() (headers map[string]string, ok bool) {
	headers = map[string]string{}
	for pair := range strings.SplitSeq(t.Headers.Reveal(), ",") {
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		switch {
		case strings.TrimSpace(pair) == "":
			continue
		case !found || !headerName(name):
			return nil, false
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, true
}

// headerName reports whether name is a valid header name in HTTP.
func headerName(name string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune(marks, r)
	})
}

// checkTraces rejects a collector without an HTTP URL, and malformed headers.
func (l *loader) checkTraces() {
	t := l.config.Traces
	if t.Endpoint != "" && !collector(t.Endpoint) {
		l.fault("traces.endpoint", "is not the URL of a collector", "want http://host:4318 or https://host, without user and query; credentials go into traces.headers")
	}
	if _, ok := t.Sent(); !ok {
		l.fault("traces.headers", "has a malformed header", "want name=value, several separated by commas")
	}
	if t.Ratio > 1 {
		l.fault("traces.ratio", fmt.Sprintf("cannot be %v", t.Ratio), "want a share from 0 to 1")
	}
}

func collector(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}
