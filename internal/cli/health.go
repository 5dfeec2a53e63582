package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/config"
)

// healthCmd is usher health.
type healthCmd struct {
	URL   string `arg:"" optional:"" help:"Address of the process; http.addr by default."`
	Ready bool   `help:"Ask whether the process is ready: NATS is connected, and the workers run."`
}

// Help is shown below the flags.
func (healthCmd) Help() string {
	return `For the health check of a container without other programs. usher health requests /healthz, or /readyz with
--ready, and waits for five seconds at most. With TLS, it trusts the certificate in http.tls_cert.
Exit code 0: healthy. 1: not healthy, or no answer.

Examples:
  usher health
  usher health --ready
  usher health http://10.0.0.7:8080
  usher health http://127.0.0.1:8090/state     any other address that answers 200`
}

// Run returns an error unless the answer is 200.
func (h healthCmd) Run(ctx context.Context, a *app.App) error {
	var c config.Config
	if h.URL == "" {
		var err error
		if c, err = a.ConfigFor("http"); err != nil {
			return err
		}
	}
	base, client, err := h.target(c.HTTP)
	if err != nil {
		return err
	}
	url, err := url.Parse(base)
	if err != nil || url.Host == "" || (url.Scheme != "http" && url.Scheme != "https") {
		return app.Usage(errors.New("that is no address to ask: want one such as http://127.0.0.1:8080"))
	}
	if url.Path == "" || url.Path == "/" {
		url.Path = "/healthz"
		if h.Ready {
			url.Path = "/readyz"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, app.ConnectTimeout)
	defer cancel()
	return get(ctx, client, url.String())
}

// target returns the address of the process, and a client for it.
func (h healthCmd) target(c config.HTTP) (base string, client *http.Client, err error) {
	client = &http.Client{Timeout: app.ConnectTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	switch {
	case h.URL != "":
		return h.URL, client, nil
	case !c.On():
		return "", nil, app.Usage(errors.New("http.addr is off: no process listens"))
	case c.TLSCert == "":
		return "http://" + app.Dialable(c.Addr), client, nil
	}
	secure, err := trusting(c.TLSCert)
	client.Transport = &http.Transport{TLSClientConfig: secure}
	return "https://" + app.Dialable(c.Addr), client, err
}

// trusting returns a TLS configuration that accepts only the certificate in a file.
func trusting(path string) (*tls.Config, error) {
	text, err := bounded.ReadFile(path, bounded.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("read http.tls_cert: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("http.tls_cert holds no PEM certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("http.tls_cert: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	secure := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if len(cert.DNSNames) > 0 {
		secure.ServerName = strings.Replace(cert.DNSNames[0], "*", "health", 1)
	} else if len(cert.IPAddresses) > 0 {
		secure.ServerName = cert.IPAddresses[0].String()
	}
	return secure, nil
}

// get returns an error unless the answer of the URL is 200.
func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return app.Usage(err)
	}
	begun := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no answer after %s: %w", time.Since(begun).Round(time.Millisecond), err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	const maxText = 512
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxText))
	return fmt.Errorf("%s answers %s: %s", url, res.Status, strings.TrimSpace(string(text)))
}
