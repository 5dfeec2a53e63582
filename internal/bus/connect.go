// Package bus is usher's side of NATS: the connection, the embedded server, the
// streams and buckets, the durable consumers and what is published.
package bus

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// CallTimeout is the longest that one call to JetStream may take. A request in
// flight when a server dies is answered by nobody, so each call has its own.
const CallTimeout = 5 * time.Second

// Options say how to reach the server.
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
	Name     string // of the connection, as the server's monitoring shows it
	Log      zerolog.Logger
	Server   *Embedded // reached in the process; URL is not used

	// Once makes Connect try each server once, for a command that a person waits for.
	Once bool
	// Where is how errors name the servers and the setting that they come from.
	Where string
}

// Connect connects to the server and keeps at it for ever, with jitter: after a
// loss too, and where the server refuses the credentials, which may be mended
// there. It fails where the options cannot be used, where no server lets us in
// before ctx ends, and with Once where none does at the first try.
func Connect(ctx context.Context, o Options) (*nats.Conn, error) {
	opts, err := o.options()
	if err != nil {
		return nil, err
	}
	first, out := make(chan struct{}), make(chan error, 1)
	opts = append(opts,
		nats.ConnectHandler(func(*nats.Conn) { close(first) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { // of the first try, or of one that found nobody
			select {
			case out <- err:
			default:
			}
		}),
	)
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, o.outside(err)
	}
	if err := o.enter(ctx, nc, first, out); err != nil {
		nc.Close()
		return nil, o.outside(err)
	}
	return nc, nil
}

// outside says why we are not let in, and what to look at.
func (o Options) outside(err error) error {
	where := cmp.Or(o.Where, "nats.url (USHER_NATS_URL)")
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

// enter waits until the first connection is made, and tells at once and then now
// and then why it is not.
func (o Options) enter(ctx context.Context, nc *nats.Conn, first <-chan struct{}, out <-chan error) error {
	tell := time.NewTicker(CallTimeout)
	defer tell.Stop()
	closed := nc.StatusChanged(nats.CLOSED)
	defer nc.RemoveStatusListener(closed)
	var why error
	for told := false; ; told = true {
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
		case why = <-out:
			if told {
				continue
			}
		case <-tell.C:
		}
		o.Log.Warn().Err(cmp.Or(nc.LastError(), why)).Msg("nats: no server lets us in yet, trying on; " + checkAccess)
	}
}

func (o Options) options() ([]nats.Option, error) {
	said := &seldom{every: CallTimeout}
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(!o.Once),
		nats.IgnoreAuthErrorAbort(), // else the second refusal closes the connection for good
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.ReconnectBufSize(-1), // an ack that was buffered would be a late ack
		nats.PingInterval(20 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn().Err(err).Msg("nats: connection lost, connecting again")
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { o.Log.Info().Msg("nats: connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if !said.now(err.Error()) {
				return
			}
			event := o.Log.Error().Err(err)
			if s != nil {
				event = event.Str("subject", s.Subject)
			}
			text := "nats"
			if refused(err) {
				text = "nats: the server refuses us, trying on; " + checkAccess
			}
			event.Msg(text)
		}),
	}
	return o.credentials(opts)
}

// refused tells whether the server does not take the credentials, or no longer.
func refused(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) ||
		errors.Is(err, nats.ErrAuthRevoked) || errors.Is(err, nats.ErrAccountAuthExpired)
}

// seldom keeps the same words from filling the log: a server that refuses us
// says so at every try.
type seldom struct {
	every time.Duration

	mu   sync.Mutex
	last string
	at   time.Time
}

// now tells whether the words are to be said now.
func (s *seldom) now(words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if words == s.last && time.Since(s.at) < s.every {
		return false
	}
	s.last, s.at = words, time.Now()
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
	if o.User != "" {
		opts = append(opts, nats.UserInfo(o.User, o.Password))
	}
	if o.Token != "" {
		opts = append(opts, nats.Token(o.Token))
	}
	if o.CA == "" && o.Cert == "" {
		return opts, nil
	}
	secure, err := o.tls()
	return append(opts, nats.Secure(secure)), err
}

func (o Options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return nil, fmt.Errorf("nats: read the CA: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("nats: the CA file holds no PEM certificate")
		}
	}
	if o.Cert != "" {
		pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("nats: read the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// JetStream returns the JetStream side of a connection.
func JetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(CallTimeout))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	return js, nil
}
