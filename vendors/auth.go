package vendors

import (
	"context"
	"net/http"
	"time"
)

// Auth adds credentials to requests.
type Auth interface {
	// Authorize adds the credentials to h, after a log-in if necessary.
	Authorize(ctx context.Context, h http.Header) error
	// Refused reports a 401 for the credentials in h. The result is whether other credentials
	// are possible; the call is then made once more.
	Refused(h http.Header) bool
}

// StaticAuth is a set of headers that never change: name to value.
type StaticAuth map[string]Secret

// Authorize sets the headers.
func (a StaticAuth) Authorize(_ context.Context, h http.Header) error {
	for name, value := range a {
		h.Set(name, value.Reveal())
	}
	return nil
}

// Refused returns false: there are no other credentials.
func (a StaticAuth) Refused(http.Header) bool { return false }

// Tokens are credentials that a log-in issues for a limited time. The first call logs in, and a
// token is renewed before expiry. One caller renews at a time while others wait.
type Tokens struct {
	header string // name of the header
	prefix string // text before the token, such as "Bearer "
	renew  func(ctx context.Context, old Secret) (Secret, time.Duration, error)

	turn    chan struct{} // a mutex of capacity 1 for the fields below, with a wait that ends with ctx
	token   Secret
	until   time.Time
	refusal error     // error of the last log-in, if the credentials were rejected
	refused time.Time // time of that log-in
}

// refusalStands is how long a rejected log-in is not repeated: many attempts with a wrong
// password lock an account.
const refusalStands = 5 * time.Second

// NewTokens returns Tokens that send the header with prefix and token. renew gets the present
// token (empty at first and after a 401) and returns the next token and its time of use.
func NewTokens(header, prefix string, renew func(ctx context.Context, old Secret) (Secret, time.Duration, error)) *Tokens {
	t := &Tokens{header: header, prefix: prefix, renew: renew, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// Authorize sets the header, with a new token if the present token has expired.
func (t *Tokens) Authorize(ctx context.Context, h http.Header) error {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { t.turn <- struct{}{} }()
	if t.token == "" || time.Now().After(t.until) {
		if t.refusal != nil && time.Since(t.refused) < refusalStands {
			return t.refusal
		}
		token, ttl, err := t.renew(ctx, t.token)
		t.refusal = nil
		if ClassOf(err) == Unusable {
			t.refusal, t.refused = err, time.Now()
		}
		if err != nil {
			return err
		}
		t.token, t.until = token, time.Now().Add(ttl)
	}
	h.Set(t.header, t.prefix+t.token.Reveal())
	return nil
}

// Refused drops the token in h, unless another caller has already renewed the token.
func (t *Tokens) Refused(h http.Header) bool {
	<-t.turn
	defer func() { t.turn <- struct{}{} }()
	if h.Get(t.header) == t.prefix+t.token.Reveal() {
		t.token = ""
	}
	return true
}
