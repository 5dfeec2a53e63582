package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"time"

	"github.com/usherhq/usher/vendors"
)

const authorization = "Authorization"

// newAuth returns the credentials of the file; nil without any.
func (e *engine) newAuth(o vendors.Options, secrets []vendors.Secret) (vendors.Auth, error) {
	a := e.file.Auth
	switch {
	case a == nil:
		return nil, nil //nolint:nilnil // an API without credentials
	case a.Login != nil:
		return e.newTokens(a.Login, o, secrets), nil
	case a.OAuth2 != nil:
		return e.newOAuth(a.OAuth2, o)
	case a.Basic != nil:
		user, err := e.scope(nil).text(a.Basic.User)
		if err != nil {
			return nil, err
		}
		password, err := e.scope(nil).text(a.Basic.Password)
		pair := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		return vendors.StaticAuth{authorization: vendors.Secret("Basic " + pair)}, err
	}
	headers := vendors.StaticAuth{}
	for name, value := range a.Headers {
		text, err := e.scope(nil).text(value)
		if err != nil {
			return nil, err
		}
		headers[name] = vendors.Secret(text)
	}
	return headers, nil
}

func (e *engine) newOAuth(a *OAuth2, o vendors.Options) (vendors.Auth, error) {
	c := vendors.ClientCredentials{Vendor: e.file.Name, InBody: a.ClientAuth == clientAuthBody}
	var secret string
	for out, value := range map[*string]Expr{&c.TokenURL: a.TokenURL, &c.ID: a.ClientID, &secret: a.ClientSecret, &c.Scopes: a.Scopes} {
		var err error
		if *out, err = e.scope(nil).text(value); err != nil {
			return nil, err
		}
	}
	c.Secret = vendors.Secret(secret)
	return c.Auth(o), nil
}

// login requests tokens by the call of a file.
type login struct {
	engine
	login *Login
}

// newTokens returns credentials by a log-in. The log-in has a client of its own, since it happens
// within another call.
func (e *engine) newTokens(a *Login, o vendors.Options, secrets []vendors.Secret) vendors.Auth {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second) / 2
	l := login{engine{file: e.file, set: e.set, needs: e.needs, calls: vendors.NewClient(e.file.Name, o, nil, secrets...)}, a}
	prefix := "Bearer "
	if a.Prefix != nil {
		prefix = *a.Prefix
	}
	return vendors.NewTokens(cmp.Or(a.Header, authorization), prefix, l.renew)
}

// renew returns a token by the renewal of the old one, or else by a log-in.
func (l *login) renew(ctx context.Context, old vendors.Secret) (vendors.Secret, time.Duration, error) {
	if old != "" && l.login.Renew != nil {
		token, ttl, err := l.request(ctx, "renew token", l.login.Renew, map[string]any{"token": old.Reveal()})
		if err == nil || vendors.ClassOf(err) == vendors.Again {
			return token, ttl, err
		}
	}
	token, ttl, err := l.request(ctx, "log in", &l.login.Request, nil)
	return token, ttl, vendors.LogInRefused(err)
}

// request returns the token in the answer to a call, and the time of use.
func (l *login) request(ctx context.Context, op string, call *Request, vars map[string]any) (vendors.Secret, time.Duration, error) {
	out, err := l.do(ctx, request{op: op, call: call, scope: l.scope(vars), repeat: repeatSafe, noAuth: true})
	if err != nil {
		return "", 0, err
	}
	token, err := out.scope.text(l.login.Token)
	if err != nil || token == "" {
		return "", 0, l.unreadable(out, "the answer has no token")
	}
	use := time.Duration(l.login.For)
	if l.login.ExpiresIn.set() {
		value, err := out.scope.eval(l.login.ExpiresIn)
		seconds, _ := wholeOf(value)
		if err != nil {
			seconds = 0
		}
		use = vendors.TokenUse(time.Duration(seconds) * time.Second)
	}
	return vendors.Secret(token), use, nil
}
