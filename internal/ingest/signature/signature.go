// Package signature tells whether a delivery to a web hook comes from whoever
// knows the secret, and whether it is fresh. It knows the schemes that senders
// use; it reads headers and bytes only, never what the body says.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
)

// Scheme names how a sender signs.
type Scheme string

// The schemes.
const (
	// StandardWebhooks is Standard Webhooks 1.0.0 with v1 signatures, and the same
	// under the headers of Svix: HMAC-SHA256 over id, timestamp and body.
	StandardWebhooks Scheme = "standard"
	// GitHub is X-Hub-Signature-256: HMAC-SHA256 over the body, without a timestamp.
	// With Options.Header it also takes the bare digest, in hex or base64, that
	// others send (X-Thinkific-Hmac-Sha256, X-Shopify-Hmac-Sha256).
	GitHub Scheme = "github"
	// Stripe is Stripe-Signature: HMAC-SHA256 over timestamp and body. With
	// Options.Header it reads others that sign alike (WorkOS-Signature).
	Stripe Scheme = "stripe"
	// Token is a shared token in a header, which proves the sender but not the body.
	Token Scheme = "token"
)

// Schemes returns all schemes, in a fixed order.
func Schemes() []Scheme { return []Scheme{StandardWebhooks, GitHub, Stripe, Token} }

// ErrSignature says that a delivery is not signed, or not by a secret of ours. It
// does not tell which secret was tried.
var ErrSignature = errors.New("signature missing, malformed or wrong")

// ErrStale says that a delivery is rightly signed, but too long ago, or in the future.
var ErrStale = errors.New("timestamp outside the tolerance: check the clocks of sender and receiver")

const (
	defaultTolerance = 5 * time.Minute
	minSecret        = 24 // bytes; Standard Webhooks asks for 24 to 64
)

// Options are what a Verifier can do without.
type Options struct {
	Tolerance time.Duration    // how far a timestamp may be from now, both ways; default 5 min
	Header    string           // the header with the signature, not with StandardWebhooks; default the scheme's own, Authorization with Token
	Now       func() time.Time // default time.Now
}

// Verifier verifies the deliveries of one sender. It is safe for concurrent use.
type Verifier struct {
	scheme    Scheme
	keys      [][]byte // what New made of the secrets
	tolerance time.Duration
	header    string
	now       func() time.Time
	verify    func(v Verifier, header http.Header, body []byte) (id string, err error)
}

// New returns a Verifier that accepts what any one of the secrets signed: while a
// sender changes its secret, hold the old one and the new one.
//
// A secret has at least 24 bytes. With StandardWebhooks it is base64, with or
// without whsec_ before it, and its decoded bytes count; else it is taken as it is.
func New(scheme Scheme, secrets []vendors.Secret, o Options) (*Verifier, error) {
	v := &Verifier{scheme: scheme, tolerance: o.Tolerance, header: o.Header, now: o.Now}
	if err := v.setScheme(); err != nil {
		return nil, err
	}
	if v.tolerance < 0 {
		return nil, errors.New("the tolerance is negative: set a duration such as 5m, or none for that")
	}
	if v.tolerance == 0 {
		v.tolerance = defaultTolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, v.setKeys(secrets)
}

// setScheme looks up the scheme and its header.
func (v *Verifier) setScheme() error {
	header := ""
	switch v.scheme {
	case StandardWebhooks:
		v.verify = Verifier.standard
		if v.header != "" {
			return errors.New("the scheme standard has headers of its own: leave the header out")
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
		return fmt.Errorf("%q is no name of a header: use letters, digits and -", v.header)
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

// notToken reports whether r cannot stand in the names of headers that senders use.
func notToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Verify reports who sent the delivery: no error where a secret of ours signed it
// within the tolerance, else one that is ErrSignature or ErrStale. The body is
// what came, byte for byte.
//
// The id is the same on every try of one delivery: webhook-id, svix-id, or
// X-GitHub-Delivery, which is not signed. It is empty where the scheme has none.
func (v *Verifier) Verify(header http.Header, body []byte) (id string, err error) {
	return v.verify(*v, header, body)
}

// Format keeps every verb from printing the keys.
func (v Verifier) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "verifier of "+string(v.scheme))
}

// wrong returns ErrSignature with what is wrong. It never holds what was sent.
func wrong(what string) error { return fmt.Errorf("%w: %s", ErrSignature, what) }

// fresh refuses a timestamp that is too old, or too far in the future.
func (v Verifier) fresh(at time.Time) error {
	if v.now().Sub(at).Abs() > v.tolerance {
		return ErrStale
	}
	return nil
}

// digests returns what each key makes of the parts.
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

// anyEqual reports whether a candidate equals one of want. It compares all with
// all, each in constant time, so its time does not tell which one fits.
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

// single returns the one value of a header, or "" where it is missing, empty, or
// there more than once.
func single(header http.Header, name string) string {
	values := header.Values(name)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// parseTime reads Unix time in digits alone, at most 13 of them: 13 are
// milliseconds, as WorkOS sends them, fewer are seconds.
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

// setKeys takes the secrets, or says what is wrong with which of them.
func (v *Verifier) setKeys(secrets []vendors.Secret) error {
	if len(secrets) == 0 {
		return errors.New("no secret: set the one that the sender shows for this web hook")
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

// key returns the bytes that sign. Its error goes on after "secret 1 of 2".
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
