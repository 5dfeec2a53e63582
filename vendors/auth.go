package vendors

import (
	"context"
	"net/http"
	"time"
)

// Auth puts credentials on a request.
type Auth interface {
	// Authorize adds the credentials to h, logging in first where that is needed.
	Authorize(ctx context.Context, h http.Header) error
	// Refused is told that the credentials in h were answered with 401, and
	// returns whether others can be had: then the call is made once more.
	Refused(h http.Header) bool
}

// StaticAuth is credentials that never change: header name to value.
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

// Tokens is credentials that a log-in gives out for a while. It logs in when
// the first call needs it, renews before the token ends, and does so for one
// caller at a time while the others wait.
type Tokens struct {
	header string // the header that carries the token
	prefix string // what stands before it, such as "Bearer "
	renew  func(ctx context.Context, old Secret) (Secret, time.Duration, error)

	turn    chan struct{} // holds one: whoever has it may read and change what follows
	token   Secret
	until   time.Time
	refusal error     // of the last log-in, where our credentials were refused
	refused time.Time // when
}

// refusalStands is how long a refused log-in is not made again: many tries with
// a wrong password lock an account.
const refusalStands = 5 * time.Second

// NewTokens returns Tokens that send header: prefix+token. renew is given the
// token held so far (empty at first and after a refusal) and returns the next
// one and how long to use it.
func NewTokens(header, prefix string, renew func(ctx context.Context, old Secret) (Secret, time.Duration, error)) *Tokens {
	t := &Tokens{header: header, prefix: prefix, renew: renew, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// Authorize sets the header, renewing the token first where it has ended.
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

// Refused forgets the token in h, unless another caller has renewed it already.
func (t *Tokens) Refused(h http.Header) bool {
	<-t.turn
	defer func() { t.turn <- struct{}{} }()
	if h.Get(t.header) == t.prefix+t.token.Reveal() {
		t.token = ""
	}
	return true
}
