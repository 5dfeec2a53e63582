// Package signature verifies that a delivery to a web hook comes from a sender with the secret,
// and is fresh. The package has the usual schemes of senders. Only headers and bytes are read,
// never the content of the body.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Scheme is a sender's way of signing.
type Scheme string

// The schemes.
const (
	// StandardWebhooks is Standard Webhooks 1.0.0 with v1 signatures, also under the headers of
	// Svix: HMAC-SHA256 over id, timestamp and body.
	StandardWebhooks Scheme = "standard"
	// GitHub is X-Hub-Signature-256: HMAC-SHA256 over the body, without a timestamp. With
	// Options.Header, the bare digest in hex or base64 is accepted too
	// (X-Thinkific-Hmac-Sha256, X-Shopify-Hmac-Sha256).
	GitHub Scheme = "github"
	// Stripe is Stripe-Signature: HMAC-SHA256 over timestamp and body. With Options.Header,
	// other headers of the same form are read (WorkOS-Signature).
	Stripe Scheme = "stripe"
	// Token is a shared token in a header, which proves the sender but not the body.
	Token Scheme = "token"
)

// Schemes returns all schemes, in a fixed order.
func Schemes() []Scheme { return []Scheme{StandardWebhooks, GitHub, Stripe, Token} }

// ErrSignature means that a delivery has no signature by one of the secrets. The error does not
// reveal which secret was tried.
var ErrSignature = errors.New("signature missing, malformed or wrong")

// ErrStale means that a valid signature is too old, or from the future.
var ErrStale = errors.New("timestamp outside the tolerance: check the clocks of sender and receiver")

const (
	defaultTolerance = 5 * time.Minute
	minSecret        = 24 // bytes; Standard Webhooks requires 24 to 64
)

// Options are the options of a Verifier.
type Options struct {
	Tolerance time.Duration    // maximum distance of a timestamp from now, in both directions; default 5 min
	Header    string           // header with the signature, except for StandardWebhooks; default the scheme's header, Authorization for Token
	Now       func() time.Time // default time.Now
}

// Verifier verifies the deliveries of one sender. A Verifier is safe for concurrent use.
type Verifier struct {
	scheme    Scheme
	keys      [][]byte // keys derived from the secrets
	tolerance time.Duration
	header    string
	now       func() time.Time
	verify    func(v Verifier, header http.Header, body []byte) (id string, err error)
}

// New returns a Verifier that accepts a signature by any of the secrets: during a rotation, set
// the old secret and the new one.
//
// A secret has at least 24 bytes. For StandardWebhooks a secret is base64, with or without the
// prefix whsec_, and the decoded bytes count; for other schemes the text itself is the key. The
// error joins every fault.
func New(scheme Scheme, secrets []vendors.Secret, o Options) (*Verifier, error) {
	v := &Verifier{scheme: scheme, tolerance: o.Tolerance, header: o.Header, now: o.Now}
	if err := v.setScheme(); err != nil {
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

// setScheme sets the scheme and the header.
func (v *Verifier) setScheme() error {
	header := ""
	switch v.scheme {
	case StandardWebhooks:
		v.verify = Verifier.standard
		if v.header != "" {
			return errors.New("the scheme standard has fixed headers: remove the header")
		}
	case GitHub:
		v.verify, header = Verifier.github, "X-Hub-Signature-256"
	case Stripe:
		v.verify, header = Verifier.stripe, "Stripe-Signature"
	case Token:
		v.verify, header = Verifier.token, "Authorization"
	default:
		return fmt.Errorf("unknown scheme %q: use one of %s", string(v.scheme), list(Schemes()))
	}
	if strings.ContainsFunc(v.header, notToken) {
		return fmt.Errorf("%q is not the name of a header: use letters, digits and -", v.header)
	}
	if v.header != "" {
		header = v.header
	}
	v.header = http.CanonicalHeaderKey(header)
	return nil
}

func list(schemes []Scheme) string {
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
// The id is equal for every attempt of a delivery: webhook-id, svix-id, or X-GitHub-Delivery,
// which is not signed. The id is empty for other schemes.
func (v *Verifier) Verify(header http.Header, body []byte) (id string, err error) {
	return v.verify(*v, header, body)
}

// Digest returns the HMAC-SHA256 of a text by the first secret, in hex.
func (v *Verifier) Digest(text string) string {
	return hex.EncodeToString(v.digests([]byte(text))[0])
}

// Format prints no keys, for every verb.
func (v Verifier) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "verifier of "+string(v.scheme))
}

// wrong returns ErrSignature with a reason, without data of the delivery.
func wrong(reason string) error { return fmt.Errorf("%w: %s", ErrSignature, reason) }

// fresh returns ErrStale for a timestamp outside the tolerance.
func (v Verifier) fresh(at time.Time) error {
	if v.now().Sub(at).Abs() > v.tolerance {
		return ErrStale
	}
	return nil
}

// digests returns the digest of the parts for each key.
func (v Verifier) digests(parts ...[]byte) [][]byte {
	var out [][]byte
	for _, key := range v.keys {
		mac := hmac.New(sha256.New, key)
		for _, part := range parts {
			mac.Write(part)
		}
		out = append(out, mac.Sum(nil))
	}
	return out
}

// anyEqual reports whether a candidate equals one of want. All pairs are compared, each in
// constant time, so the time does not reveal which pair is equal.
func anyEqual(want, candidates [][]byte) bool {
	found := false
	for _, w := range want {
		for _, c := range candidates {
			if hmac.Equal(w, c) {
				found = true
			}
		}
	}
	return found
}

// single returns the only value of a header, or "" if missing, empty or repeated.
func single(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// parseTime parses Unix time, digits only, at most 13. 13 digits are milliseconds, as in
// WorkOS's header, fewer are seconds.
func parseTime(s string) (at time.Time, ok bool) {
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return time.Time{}, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	switch {
	case s == "" || len(s) > 13:
		return time.Time{}, false
	case len(s) == 13:
		return time.UnixMilli(n), true
	default:
		return time.Unix(n, 0), true
	}
}

// setKeys sets the keys, or returns the faults of the secrets.
func (v *Verifier) setKeys(secrets []vendors.Secret) error {
	if len(secrets) == 0 {
		return errors.New("no secret: set the secret that the sender shows for this web hook")
	}
	var faults []error
	for i, secret := range secrets {
		key, err := v.scheme.key(secret.Reveal())
		if err != nil {
			faults = append(faults, fmt.Errorf("secret %d of %d %w", i+1, len(secrets), err))
		}
		v.keys = append(v.keys, key)
	}
	return errors.Join(faults...)
}

// key returns the key in a secret. The error continues "secret 1 of 2".
func (s Scheme) key(secret string) ([]byte, error) {
	key := []byte(secret)
	if s == StandardWebhooks {
		var err error
		if key, err = standardKey(secret); err != nil {
			return nil, err
		}
	}
	if len(key) < minSecret {
		return nil, fmt.Errorf("has %d bytes, which can be guessed: set one of %d or more, made at random", len(key), minSecret)
	}
	return slices.Clone(key), nil
}
