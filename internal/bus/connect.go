// Package bus is usher's side of NATS: the connection, the embedded server, the
// streams and buckets, the durable consumers and what is published.
package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
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
}

// Connect connects to the server and keeps at it for ever: after a loss it
// connects again, with jitter. It fails where the options cannot be used, and
// where no server answers before ctx ends.
func Connect(ctx context.Context, o Options) (*nats.Conn, error) {
	opts, err := o.options()
	if err != nil {
		return nil, err
	}
	first := make(chan struct{})
	opts = append(opts, nats.ConnectHandler(func(*nats.Conn) { close(first) }))
	nc, err := nats.Connect(o.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("nats: %w; check nats.url (USHER_NATS_URL) and the credentials", err)
	}
	for tell := time.NewTicker(CallTimeout); ; {
		select {
		case <-first:
			tell.Stop()
			return nc, nil
		case <-ctx.Done():
			tell.Stop()
			cause := ctx.Err()
			if said := nc.LastError(); said != nil {
				cause = fmt.Errorf("%w: %w", cause, said)
			}
			nc.Close()
			return nil, fmt.Errorf("nats: no server let us in: %w; check nats.url (USHER_NATS_URL) and the credentials", cause)
		case <-tell.C:
			o.Log.Warn().Err(nc.LastError()).Msg("nats: no server lets us in yet, trying on")
		}
	}
}

func (o Options) options() ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name(o.Name),
		nats.RetryOnFailedConnect(true),
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
			event := o.Log.Error().Err(err)
			if s != nil {
				event = event.Str("subject", s.Subject)
			}
			event.Msg("nats")
		}),
	}
	return o.credentials(opts)
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
