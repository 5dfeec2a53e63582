// Package natsconn connects to NATS, and runs the embedded NATS server.
package natsconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// logEvery is the shortest time between two log lines about the same trouble.
const logEvery = 5 * time.Second

// Options select the server and the credentials.
type Options struct {
	URL      string // one or several, separated by commas
	Creds    string // a credentials file
	NKey     string // an nkey seed file
	User     string
	Password string
	Token    string
	CA       string // a PEM file
	Cert     string // a PEM file, with Key
	Key      string
	// TLSFirst begins TLS before the greeting of the server.
	TLSFirst    bool
	InboxPrefix string // of the subjects of answers; empty: _INBOX
	Name        string // of the connection, for the server's monitoring
	Log         zerolog.Logger
	Server      *Embedded // a server in this process, instead of URL

	// Renew returns the present password of User and the present Token, at each connection; nil:
	// both stay.
	Renew func() (password, token string)

	// Once makes Connect try each server once, for a command of a waiting person.
	Once bool
	// Servers names the servers and the setting of the addresses, for errors.
	Servers string
}

// Connect connects to the server, with endless retries and jitter: also after a loss of the
// connection, and after refused credentials, which may be corrected at the server. Connect
// returns an error for unusable options, at the end of ctx before the first connection, and
// with Once after the first attempt.
func Connect(ctx context.Context, o Options) (*nats.Conn, error) {
	opts, err := o.options()
	if err != nil {
		return nil, err
	}
	first, failed := make(chan struct{}), make(chan error, 1)
	opts = append(opts,
		nats.ConnectHandler(func(*nats.Conn) { close(first) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { // of the first attempt, or of an attempt without a server
			select {
			case failed <- err:
			default:
			}
		}),
	)
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, o.connectError(err)
	}
	if err := o.awaitFirst(ctx, nc, first, failed); err != nil {
		nc.Close()
		return nil, o.connectError(err)
	}
	return nc, nil
}

// connectError returns the error of a failed Connect, with the setting to check.
func (o Options) connectError(err error) error {
	where := cmp.Or(o.Servers, "nats.url (USHER_NATS_URL)")
	switch {
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nats: nobody listens at %s: is usher serve, or the NATS server, running?", where)
	case refused(err):
		return fmt.Errorf("nats: %s refuses us: %w; check the credentials (nats.creds, nats.user, nats.token …)", where, err)
	default:
		return fmt.Errorf("nats: %s does not let us in: %w; check that setting and the credentials", where, err)
	}
}

const checkAccess = "check nats.url (USHER_NATS_URL) and the credentials"

// renewRights is the advice for a missing right: the rights at the server may be of an older version.
const renewRights = "usher nats rights prints the rights of this version for the configuration of the server (deploy/nats/users.conf)"

// awaitFirst waits for the first connection, and logs the reason for the delay at once and then
// now and then.
func (o Options) awaitFirst(ctx context.Context, nc *nats.Conn, first <-chan struct{}, failed <-chan error) error {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	closed := nc.StatusChanged(nats.CLOSED)
	defer nc.RemoveStatusListener(closed)
	var why error
	for logged := false; ; logged = true {
		select {
		case <-first:
			return nil
		case <-closed:
			return cmp.Or(nc.LastError(), why, nats.ErrConnectionClosed)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return cmp.Or(nc.LastError(), why, ctx.Err())
		case why = <-failed:
			if logged {
				continue
			}
		case <-tick.C:
		}
		o.Log.Warn().Err(cmp.Or(nc.LastError(), why)).Msg("nats: no server lets us in yet, trying on; " + checkAccess)
	}
}

func (o Options) options() ([]nats.Option, error) {
	throttle := &throttledLog{every: logEvery}
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(!o.Once),
		nats.IgnoreAuthErrorAbort(), // the second refusal would close the connection for good
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1), // a buffered ack would be a late ack
		nats.PingInterval(20 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn().Err(err).Msg("nats: connection lost, connecting again")
			}
		}),
		nats.LameDuckModeHandler(func(*nats.Conn) {
			o.Log.Info().Msg("nats: a server shuts down (lame duck mode), going on at another one or once it is back")
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			throttle.forget()
			o.Log.Info().Msg("nats: connected again")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			lacking := errors.Is(err, nats.ErrPermissionViolation)
			if lacking && !throttle.first(err.Error()) || !lacking && !throttle.allow(err.Error()) {
				return
			}
			event := o.Log.Error().Err(err)
			if s != nil {
				event = event.Str("subject", s.Subject)
			}
			text := "nats"
			switch {
			case lacking:
				text = "nats: this user lacks a right; " + renewRights
			case refused(err):
				text = "nats: the server refuses us, trying on; " + checkAccess
			}
			event.Msg(text)
		}),
	}
	return o.credentials(opts)
}

// refused reports whether the server refuses the credentials.
func refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}

// mostLacking is the number of missing rights that are logged once each. Beyond, the lines are
// throttled: a subject may hold a random name.
const mostLacking = 100

// throttledLog suppresses repeated log lines: a refusing server reports an error at every
// attempt.
type throttledLog struct {
	every time.Duration

	mu      sync.Mutex
	last    string
	at      time.Time
	lacking map[string]bool // texts about missing rights, since the last connection
}

// first reports whether a line about a missing right is logged: once for each connection, since the
// server reads new rights at a connection only.
func (t *throttledLog) first(text string) bool {
	t.mu.Lock()
	known, full := t.lacking[text], len(t.lacking) >= mostLacking
	if !known && !full {
		if t.lacking == nil {
			t.lacking = map[string]bool{}
		}
		t.lacking[text] = true
	}
	t.mu.Unlock()
	return !known && (!full || t.allow(text))
}

// forget lets lines about missing rights be logged again.
func (t *throttledLog) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lacking = nil
}

// allow reports whether a line with this text is logged now.
func (t *throttledLog) allow(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == t.last && time.Since(t.at) < t.every {
		return false
	}
	t.last, t.at = text, time.Now()
	return true
}

func (o Options) credentials(opts []nats.Option) ([]nats.Option, error) {
	if o.Server != nil {
		opts = append(opts, nats.InProcessServer(o.Server.server))
	}
	if o.Creds != "" {
		opts = append(opts, nats.UserCredentials(o.Creds))
	}
	if o.NKey != "" {
		nkey, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("nats: read the nkey seed: %w", err)
		}
		opts = append(opts, nkey)
	}
	opts = append(opts, o.secrets()...)
	if o.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(o.InboxPrefix))
	}
	secure, err := o.secure()
	return append(opts, secure...), err
}

// secrets returns the options of a user with a password, and of a token.
func (o Options) secrets() (opts []nats.Option) {
	renew := o.Renew
	if renew == nil {
		renew = func() (string, string) { return o.Password, o.Token }
	}
	if o.User != "" {
		opts = append(opts, nats.UserInfoHandler(func() (string, string) {
			password, _ := renew()
			return o.User, password
		}))
	}
	if o.Token != "" {
		opts = append(opts, nats.TokenHandler(func() string {
			_, token := renew()
			return token
		}))
	}
	return opts
}

// Status returns "ok" for an open connection, else the status of the connection.
func Status(nc *nats.Conn) string {
	if s := nc.Status(); s != nats.CONNECTED {
		return s.String()
	}
	return "ok"
}

// Lost waits until the connection is closed for good, by a fault without a reconnection of
// nats.go, and returns the reason; nil at the end of ctx.
func Lost(ctx context.Context, nc *nats.Conn) error {
	closed := nc.StatusChanged(nats.CLOSED)
	defer nc.RemoveStatusListener(closed)
	if !nc.IsClosed() {
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
		}
	}
	return fmt.Errorf("nats: the connection was closed for good: %w", errors.Join(nc.LastError(), nats.ErrConnectionClosed))
}
