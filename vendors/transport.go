package vendors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/usherhq/usher/bounded"
)

// ProxyOff is the value of Settings.Proxy for calls without a proxy.
const ProxyOff = "off"

// Connection are the settings of the connections to a vendor.
type Connection struct {
	CA    string `yaml:"ca" env:"CA"`       // path of a PEM file with the only CAs that may sign the vendor's certificate; default the system's
	Cert  string `yaml:"cert" env:"CERT"`   // path of the client certificate, PEM, read again after a change; default none
	Key   string `yaml:"key" env:"KEY"`     // path of the key of Cert
	Proxy string `yaml:"proxy" env:"PROXY"` // URL of a proxy, or ProxyOff; default by HTTPS_PROXY, HTTP_PROXY and NO_PROXY
}

// ConnectionFaults returns the faults of the connection's settings. No fault shows a value.
func (c Connection) ConnectionFaults() []Fault {
	var faults []Fault
	if _, err := c.roots(); err != nil {
		faults = append(faults, Fault{Name: "ca", Problem: err.Error(), Fix: "name a PEM file with certificates that this process may read"})
	}
	switch {
	case c.Cert != "" && c.Key == "":
		faults = append(faults, Fault{Name: "key", Problem: "is missing, though cert is set", Fix: "set both or neither"})
	case c.Cert == "" && c.Key != "":
		faults = append(faults, Fault{Name: "cert", Problem: "is missing, though key is set", Fix: "set both or neither"})
	case c.Cert != "":
		if _, err := (&clientCert{cert: c.Cert, key: c.Key}).load(); err != nil {
			faults = append(faults, Fault{Name: "cert", Problem: err.Error(), Fix: "name the PEM files of a certificate and the key of the same certificate"})
		}
	}
	if _, err := c.proxy(); err != nil {
		faults = append(faults, Fault{Name: "proxy", Problem: err.Error(), Fix: "want http://host:port, https://host:port, socks5://host:port or " + ProxyOff})
	}
	return faults
}

// roots returns the CAs, or nil for the system's.
func (c Connection) roots() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil //nolint:nilnil // the CAs of the system
	}
	text, err := bounded.ReadFile(c.CA, bounded.SettingsFile)
	if err != nil {
		return nil, unreadableFile(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("names a file without a certificate")
	}
	return pool, nil
}

// unreadableFile returns the error of a file without the path.
func unreadableFile(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("names a file that cannot be read: %w", err)
}

// proxy returns the function for http.Transport.Proxy.
func (c Connection) proxy() (func(*http.Request) (*url.URL, error), error) {
	switch c.Proxy {
	case "":
		return http.ProxyFromEnvironment, nil
	case ProxyOff:
		return nil, nil //nolint:nilnil // no proxy
	}
	u, err := url.Parse(c.Proxy) // err contains the URL, which may have a password
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return nil, errors.New("is not the URL of a proxy")
	}
	return http.ProxyURL(u), nil
}

// transport returns a transport for the calls of one client, or an error of a setting.
func (c Connection) transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 1024 // the defaults keep 100 connections open in all, and dial the rest again for each call
	t.MaxResponseHeaderBytes = maxHeader
	roots, err := c.roots()
	if err != nil {
		return nil, fmt.Errorf("the setting ca %w", err)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if c.Cert != "" {
		own := &clientCert{cert: c.Cert, key: c.Key}
		t.TLSClientConfig.GetClientCertificate = own.get
	}
	if t.Proxy, err = c.proxy(); err != nil {
		return nil, fmt.Errorf("the setting proxy %w", err)
	}
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
		if res.StatusCode == http.StatusOK {
			return nil
		}
		return &net.OpError{Op: proxyConnect, Net: "tcp", Err: fmt.Errorf("the proxy answered with status %d", res.StatusCode)}
	}
	return withWriteDeadline(t), nil
}

// proxyConnect is net.OpError.Op of a proxy that cannot be reached or that refuses a connection.
const proxyConnect = "proxyconnect"

// clientCert is a client certificate, read again after a change of a file.
type clientCert struct {
	cert, key string // paths

	mu     sync.Mutex
	loaded *tls.Certificate
	times  [2]time.Time // of the last changes of the files read
}

// get returns the certificate, for tls.Config. A changed file that cannot be used leaves the
// certificate as before: the other file may follow.
func (c *clientCert) get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := [2]time.Time{changed(c.cert), changed(c.key)}
	if c.loaded != nil && times == c.times {
		return c.loaded, nil
	}
	fresh, err := c.load()
	switch {
	case err == nil:
		c.loaded, c.times = fresh, times
	case c.loaded == nil:
		return nil, settingError{fmt.Errorf("the setting cert %w", err)}
	}
	return c.loaded, nil
}

// changed returns the time of the last change of a file, or zero.
func changed(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// load reads the certificate.
func (c *clientCert) load() (*tls.Certificate, error) {
	for _, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe blocks
			return nil, errors.New("names no regular file: the file is read again after a change")
		}
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if _, isPath := errors.AsType[*os.PathError](err); isPath {
		return nil, unreadableFile(err)
	}
	if err != nil {
		return nil, errors.New("and key are not a certificate with its key")
	}
	return &pair, nil
}

// settingError is the error of a setting of the connection.
type settingError struct{ error }

// Unwrap returns the cause.
func (e settingError) Unwrap() error { return e.error }

// isBroken reports whether a call failed by a setting of the connection.
func isBroken(err error) bool {
	_, ok := errors.AsType[settingError](err)
	return ok
}

// brokenTransport fails every call with the error of a setting.
type brokenTransport struct{ err error }

// RoundTrip returns the error of the setting.
func (b brokenTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, settingError{b.err}
}
