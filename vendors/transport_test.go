package vendors_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
)

// authority is a private CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{key: newKey(t), cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example CA"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	a.cert.Raw = a.sign(t, a.cert, a.key)
	parsed, err := x509.ParseCertificate(a.cert.Raw)
	if err != nil {
		t.Fatal(err)
	}
	a.cert = parsed
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a authority) sign(t *testing.T, cert *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// issue returns a certificate for a name, as PEM.
func (a authority) issue(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	own := newKey(t)
	der := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, own)
	raw, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// pem returns the certificate of the CA.
func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// file writes a file, with a time of change that differs from all earlier ones.
func file(t *testing.T, path string, text []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// tlsVendor is a vendor behind TLS that demands a client certificate of the CA, and says whose.
func tlsVendor(t *testing.T, a authority) *httptest.Server {
	t.Helper()
	cert, key := a.issue(t, "vendor")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // a handshake for each call
		_, _ = io.WriteString(w, `"`+r.TLS.PeerCertificates[0].Subject.CommonName+`"`)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// ask calls the vendor, and returns the response.
func ask(ctx context.Context, c *vendors.Client) (string, error) {
	var out string
	err := c.Do(ctx, vendors.Call{Op: "ask", Method: http.MethodPost, Path: "/", Out: &out})
	return out, err
}

func connect(url string, c vendors.Connection) *vendors.Client {
	return vendors.NewClient("acme", vendors.Options{BaseURL: url, Connection: c}, nil)
}

func TestClientCertificates(t *testing.T) {
	a := newAuthority(t)
	server := tlsVendor(t, a)
	dir, begin := t.TempDir(), time.Now().Add(-time.Hour)
	own := vendors.Connection{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Proxy: vendors.ProxyOff}
	write := func(name string, at time.Time) {
		cert, key := a.issue(t, name)
		file(t, own.Cert, cert, at)
		file(t, own.Key, key, at)
	}
	file(t, own.CA, a.pem(), begin)
	write("first", begin)
	if faults := own.ConnectionFaults(); len(faults) > 0 {
		t.Fatalf("got %v, want no fault", faults)
	}
	c := connect(server.URL, own)
	for n, want := range []string{"first", "second", "third", "fourth"} { // three renewals
		write(want, begin.Add(time.Duration(n)*time.Minute))
		if got, err := ask(t.Context(), c); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	file(t, own.Cert, []byte("half"), begin.Add(time.Hour))
	if got, err := ask(t.Context(), c); err != nil || got != "fourth" {
		t.Errorf("got %q, %v during a change, want the certificate before", got, err)
	}

	untrusting := own
	untrusting.CA = ""
	if _, err := ask(t.Context(), connect(server.URL, untrusting)); err == nil || vendors.IsUnknown(err) || vendors.IsUnanswered(err) {
		t.Errorf("got %v without the CA, want an error of a call that was not sent", err)
	}
	if _, err := ask(t.Context(), connect(server.URL, vendors.Connection{CA: own.CA, Proxy: vendors.ProxyOff})); err == nil {
		t.Error("got success without a client certificate")
	}
}

// connectProxy is a proxy that tunnels for one user, and counts.
func connectProxy(t *testing.T, tunnels *atomic.Int64) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpzM2NyM3Q=" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		there, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer there.Close()
		tunnels.Add(1)
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(there, here) }()
		_, _ = io.Copy(here, there)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestProxies(t *testing.T) {
	a := newAuthority(t)
	server := tlsVendor(t, a)
	dir := t.TempDir()
	own := vendors.Connection{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	cert, key := a.issue(t, "usher")
	for path, text := range map[string][]byte{own.CA: a.pem(), own.Cert: cert, own.Key: key} {
		file(t, path, text, time.Now())
	}
	var tunnels atomic.Int64
	proxy := strings.TrimPrefix(connectProxy(t, &tunnels).URL, "http://")
	own.Proxy = "http://user:s3cr3t@" + proxy
	if got, err := ask(t.Context(), connect(server.URL, own)); err != nil || got != "usher" || tunnels.Load() != 1 {
		t.Errorf("got %q, %v by %d tunnels, want usher by one", got, err, tunnels.Load())
	}
	for name, url := range map[string]string{
		"wrong password": "http://user:s3cr3tt@" + proxy, "no password": "http://" + proxy, "nobody there": "http://user:s3cr3t@127.0.0.1:1",
		"no proxy": "http://user:s3cr3t@" + strings.TrimPrefix(server.URL, "https://"),
	} {
		own.Proxy = url
		_, err := ask(t.Context(), connect(server.URL, own))
		if err == nil || vendors.ClassOf(err) != vendors.Again || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: got %v, want an error without the password", name, err)
		}
		if name != "no proxy" && vendors.IsUnknown(err) {
			t.Errorf("%s: got %v, want a call that was not sent", name, err)
		}
	}
	if tunnels.Load() != 1 {
		t.Errorf("got %d tunnels, want one", tunnels.Load())
	}
	own.Proxy = vendors.ProxyOff
	if _, err := ask(t.Context(), connect(server.URL, own)); err != nil {
		t.Error(err)
	}
}

func TestFaultsOfConnections(t *testing.T) {
	a := newAuthority(t)
	dir := t.TempDir()
	path := func(name string, text []byte) string {
		file(t, filepath.Join(dir, name), text, time.Now())
		return filepath.Join(dir, name)
	}
	cert, key := a.issue(t, "usher")
	_, otherKey := a.issue(t, "other")
	good := vendors.Connection{CA: path("ca", a.pem()), Cert: path("cert", cert), Key: path("key", key)}
	other := path("other", otherKey)
	for name, test := range map[string]struct {
		change func(*vendors.Connection)
		want   string // names of settings
	}{
		"good":               {func(*vendors.Connection) {}, ""},
		"no CA file":         {func(c *vendors.Connection) { c.CA = dir + "/none" }, "ca"},
		"a folder":           {func(c *vendors.Connection) { c.CA = dir }, "ca"},
		"no certificate":     {func(c *vendors.Connection) { c.CA = other }, "ca"},
		"no key":             {func(c *vendors.Connection) { c.Key = "" }, "key"},
		"no cert":            {func(c *vendors.Connection) { c.Cert = "" }, "cert"},
		"another key":        {func(c *vendors.Connection) { c.Key = other }, "cert"},
		"no cert file":       {func(c *vendors.Connection) { c.Cert = dir + "/none" }, "cert"},
		"a device":           {func(c *vendors.Connection) { c.Cert = os.DevNull }, "cert"},
		"a proxy":            {func(c *vendors.Connection) { c.Proxy = "socks5://u:p@127.0.0.1:1080" }, ""},
		"off":                {func(c *vendors.Connection) { c.Proxy = "off" }, ""},
		"no URL":             {func(c *vendors.Connection) { c.Proxy = "user:s3cr3t@host:3128" }, "proxy"},
		"another scheme":     {func(c *vendors.Connection) { c.Proxy = "ftp://user:s3cr3t@host" }, "proxy"},
		"a path":             {func(c *vendors.Connection) { c.Proxy = "http://user:s3cr3t@host/x" }, "proxy"},
		"characters":         {func(c *vendors.Connection) { c.Proxy = "http://user:s3cr3t\x7f@host" }, "proxy"},
		"no host":            {func(c *vendors.Connection) { c.Proxy = "http://" }, "proxy"},
		"on is not a choice": {func(c *vendors.Connection) { c.Proxy = "on" }, "proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			test.change(&c)
			var got []string
			for _, f := range c.ConnectionFaults() {
				got = append(got, f.Name)
				if strings.Contains(f.Problem+f.Fix, "s3cr3t") {
					t.Errorf("got %+v, want a fault without the password", f)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got faults of %q, want %q", got, test.want)
			}
			_, err := ask(t.Context(), connect("https://127.0.0.1:1", c))
			if broken := vendors.ClassOf(err) == vendors.Unusable; broken != (test.want == "ca" || test.want == "proxy") || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("got %v (%v) of a call, want unusable settings to be said", err, vendors.ClassOf(err))
			}
		})
	}
}

// TestBaseURLs holds what a base URL says about the connection.
func TestBaseURLs(t *testing.T) {
	var user, password string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { user, password, _ = r.BasicAuth() }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for name, test := range map[string]struct {
		base string
		auth vendors.Auth
		want string // the credentials, or the end of the error
	}{
		"credentials in the URL":                   {"http://ada:secret@" + host, nil, "ada secret"},
		"credentials in the URL and of the vendor": {"http://ada:secret@" + host, vendors.StaticAuth{"Authorization": "Bearer b"}, " "},
		"https, but the vendor speaks http":        {"https://" + host, nil, http.ErrSchemeMismatch.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			user, password = "", ""
			client := vendors.NewClient("acme", vendors.Options{BaseURL: test.base, SingleAttempt: true}, test.auth)
			err := client.Do(t.Context(), vendors.Call{Op: "ping", Method: http.MethodGet, Path: "/"})
			got := user + " " + password
			if err != nil {
				got = err.Error()
			}
			if !strings.HasSuffix(got, test.want) || strings.Contains(got, host) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
