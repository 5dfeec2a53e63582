package signature

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// guesses are the ways of signing that Diagnose tries, beside the ready templates, with every header
// of a delivery.
var guesses = []Template{
	{Encoding: anyEncoding},
	{Encoding: anyEncoding, Signature: "sha256="},
	{Encoding: anyEncoding, Hash: "sha1"},
	{Encoding: anyEncoding, Hash: "sha1", Signature: "sha1="},
	{Encoding: anyEncoding, Hash: "sha512"},
	{Encoding: urlEncoding},
	{Separator: ",", Signature: "v1=", Time: "t=", Signed: "{time}.{body}"},
	{Separator: ";", Signature: "h1=", Time: "ts=", Signed: "{time}:{body}"},
}

// Diagnose returns the templates by which a delivery has a right signature, in words for the
// configuration. The secrets are read as text and as base64, and the time does not count.
func Diagnose(secrets []vendors.Secret, header http.Header, body []byte) (fits []string) {
	var list []Template
	for _, scheme := range Schemes() {
		if scheme != Token && scheme != Basic {
			list = append(list, scheme.templates("")...)
		}
	}
	for name := range header {
		for _, t := range guesses {
			t.Header = name
			list = append(list, t)
		}
	}
	for _, t := range list {
		for _, form := range []string{textKey, base64Key} {
			t.Key = form
			v, err := New(Custom, secrets, Options{Template: &t, Tolerance: noLimit})
			if err != nil {
				continue
			}
			if m, err := v.Match(header, body); err == nil {
				fits = append(fits, t.words(m))
			}
		}
	}
	slices.Sort(fits)
	return slices.Compact(fits)
}

// noLimit is a tolerance for deliveries of any age.
const noLimit = 200 * 365 * 24 * time.Hour

// words returns the keys of a template for a configuration.
func (t Template) words(m Match) string {
	var all []string
	for _, pair := range [][2]string{
		{"header", t.Header},
		{"separator", t.Separator},
		{"signature", t.Signature},
		{"encoding", t.Encoding},
		{"hash", t.Hash},
		{"signed", t.Signed},
		{"time", t.Time},
		{"time_header", t.TimeHeader},
		{"id_header", t.IDHeader},
		{"key", t.Key},
	} {
		if pair[1] != "" {
			all = append(all, fmt.Sprintf("%s: %q", pair[0], pair[1]))
		}
	}
	return fmt.Sprintf("secret %d as %s, by template: {%s}", m.Secret+1, m.Form, strings.Join(all, ", "))
}
