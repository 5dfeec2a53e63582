package natsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/bounded"
)

// secure returns the options of TLS. The files are read again at each connection, so that a
// renewed certificate counts from the next connection on. Returns an error for files that
// cannot be used now.
func (o Options) secure() (opts []nats.Option, err error) {
	if o.TLSFirst {
		opts = append(opts, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}), nats.TLSHandshakeFirst())
	}
	if o.CA == "" && o.Cert == "" {
		return opts, nil
	}
	opts = append(opts, func(n *nats.Options) error {
		n.Secure, n.TLSConfig = true, &tls.Config{MinVersion: tls.VersionTLS12}
		if o.CA != "" {
			n.RootCAsCB = o.authorities
		}
		if o.Cert != "" {
			n.TLSCertCB = o.certificate
		}
		return nil
	})
	if o.CA != "" {
		_, err = o.authorities()
	}
	if o.Cert != "" && err == nil {
		_, err = o.certificate()
	}
	return opts, err
}

// authorities reads the CA of the server.
func (o Options) authorities() (*x509.CertPool, error) {
	pem, err := bounded.ReadFile(o.CA, bounded.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("nats: read the CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("nats: the CA file holds no PEM certificate")
	}
	return pool, nil
}

// certificate reads the client certificate.
func (o Options) certificate() (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(o.Cert, o.Key)
	if err != nil {
		return pair, fmt.Errorf("nats: read the client certificate: %w", err)
	}
	return pair, nil
}
