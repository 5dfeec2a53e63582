// Package signature verifies that a delivery to a web hook comes from a sender with the secret,
// and is fresh. A template describes the way of signing; the usual senders have ready templates.
// Only headers and bytes are read, never the content of the body.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// ErrSignature means that a delivery has no signature by one of the secrets. The error does not
// reveal which secret was tried.
var ErrSignature = errors.New("signature missing, malformed or wrong")

// ErrStale means that a valid signature is too old, or from the future.
var ErrStale = errors.New("timestamp outside the tolerance: check the clocks of sender and receiver")

const defaultTolerance = 5 * time.Minute

// Options are the options of a Verifier.
type Options struct {
	Tolerance time.Duration    // maximum distance of a timestamp from now, in both directions; default 5 min
	Header    string           // header with the signature, for schemes without further headers; default the scheme's header, Authorization for Token
	Template  *Template        // for Custom only
	Now       func() time.Time // default time.Now
}

// Verifier verifies the deliveries of one sender. A Verifier is safe for concurrent use.
type Verifier struct {
	scheme    Scheme
	keys      []key // from the secrets
	tolerance time.Duration
	now       func() time.Time
	templates []compiled
}

// New returns a Verifier that accepts a signature by any of the secrets: during a rotation, set
// the old secret and the new one.
//
// A secret has at least 24 bytes, for Zoom and Custom 16. For StandardWebhooks a secret is base64,
// with or without the prefix whsec_, and the decoded bytes count; for other schemes the text itself
// is the key. The error joins every fault.
func New(scheme Scheme, secrets []vendors.Secret, o Options) (*Verifier, error) {
	v := &Verifier{scheme: scheme, tolerance: o.Tolerance, now: o.Now}
	if err := v.setTemplates(o); err != nil {
		return nil, err
	}
	if v.tolerance < 0 {
		return nil, errors.New("the tolerance is negative: set a duration such as 5m, or remove the tolerance for 5m")
	}
	if v.tolerance == 0 {
		v.tolerance = defaultTolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, v.setKeys(secrets)
}

// setTemplates compiles the templates.
func (v *Verifier) setTemplates(o Options) error {
	list := v.scheme.templates(o.Header)
	switch {
	case v.scheme == Custom && o.Template == nil:
		return errors.New("the scheme template needs a template: set template.header and others")
	case v.scheme == Custom && o.Header != "":
		return errors.New("the scheme template has the header in the template: set template.header, and remove the header")
	case v.scheme != Custom && o.Template != nil:
		return fmt.Errorf("the scheme %s is a template: remove the template, or set scheme: template", v.scheme)
	case v.scheme == Custom:
		list = []Template{*o.Template}
	case len(list) == 0:
		return fmt.Errorf("unknown scheme %q: use one of %s", string(v.scheme), names(Schemes()))
	case o.Header != "" && (list[0].TimeHeader != "" || v.scheme == Basic):
		return fmt.Errorf("the scheme %s has fixed headers: remove the header, or use scheme: template", v.scheme)
	}
	var faults []error
	for _, t := range list {
		c, err := compile(string(v.scheme), t)
		if err != nil {
			faults = append(faults, err)
		}
		if c.token = v.scheme == Token || v.scheme == Basic; c.token {
			c.parts = nil // a token proves nothing of the body
		}
		v.templates = append(v.templates, c)
	}
	return errors.Join(faults...)
}

func names(schemes []Scheme) string {
	var names []string
	for _, s := range schemes {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// notToken reports whether r is invalid in a header name.
func notToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Verify returns no error if one of the secrets signed the delivery within the tolerance, or
// else an error that wraps ErrSignature or ErrStale. body is the received body, byte for byte.
//
// The id is equal for every attempt of a delivery, and signed: webhook-id, svix-id, or the header of
// a template. If that header is not signed, as X-GitHub-Delivery, the id is a digest of the body. The
// id is empty for other schemes.
func (v *Verifier) Verify(header http.Header, body []byte) (id string, err error) {
	m, err := v.Match(header, body)
	if err != nil {
		return "", err
	}
	return m.ID, nil
}

// Match describes how a delivery was verified.
type Match struct {
	ID     string // of the delivery
	Secret int    // position of the secret, from 0
	Form   string // of the secret, in words
	Header string // with the signature
}

// Match is Verify with the secret and the header that fit, also for ErrStale.
func (v *Verifier) Match(header http.Header, body []byte) (m Match, err error) {
	var first error
	var headers []string
	for i := range v.templates {
		c := &v.templates[i]
		if len(header.Values(c.Header)) == 0 {
			headers = append(headers, c.Header)
			continue
		}
		id, secret, err := c.verify(v, header, body)
		if err == nil || errors.Is(err, ErrStale) {
			return Match{ID: id, Secret: secret, Form: v.keys[secret].form, Header: c.Header}, err
		}
		if first == nil {
			first = err
		}
		if c.fixedHeaders() {
			break // a delivery with the headers of Standard Webhooks must not fall back to those of Svix
		}
	}
	if first == nil {
		return Match{}, wrong("there is no header " + strings.Join(headers, " or "))
	}
	return Match{}, first
}

// fixedHeaders reports whether the template has an own set of headers.
func (c *compiled) fixedHeaders() bool { return c.TimeHeader != "" }

// Headers returns the headers with signatures or tokens.
func (v *Verifier) Headers() (all []string) {
	for _, c := range v.templates {
		all = append(all, c.Header)
	}
	return all
}

// Describe returns the ways of signing, in words.
func (v *Verifier) Describe() (all []string) {
	for _, c := range v.templates {
		text := "a token in " + c.Header
		if !c.token {
			text = fmt.Sprintf("HMAC-%s over %s, as %s behind %q in %s", strings.ToUpper(c.Hash), c.Signed, c.Encoding, c.Signature, c.Header)
		}
		all = append(all, text)
	}
	return all
}

// Digest returns the HMAC-SHA256 of a text by the first secret, in hex.
func (v *Verifier) Digest(text string) string {
	mac := hmac.New(sha256.New, v.keys[0].bytes)
	_, _ = io.WriteString(mac, text)
	return hex.EncodeToString(mac.Sum(nil))
}

// Format prints no keys, for every verb.
func (v Verifier) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "verifier of "+string(v.scheme))
}

// wrong returns ErrSignature with a reason, without data of the delivery.
func wrong(reason string) error { return fmt.Errorf("%w: %s", ErrSignature, reason) }

// single returns the only value of a header, or "" if missing, empty or repeated.
func single(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}
