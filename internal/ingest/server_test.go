package ingest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server in memory until the test ends, and returns its listener.
func serve(t *testing.T, c ingest.ServerConfig, h http.Handler) (l *memnet.Listener, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l = memnet.Listen()
	ended := make(chan error, 1)
	go func() { ended <- ingest.Serve(ctx, l, c, h, zerolog.Nop()) }()
	stopped := false
	stop = func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return l, stop
}

// dial connects to the server.
func dial(t *testing.T, l *memnet.Listener) net.Conn {
	t.Helper()
	conn, err := l.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func limits() ingest.ServerConfig {
	return ingest.ServerConfig{Header: 300 * time.Millisecond, Slow: 500 * time.Millisecond, Idle: time.Second, Grace: time.Second}
}

// TestSlowSenderIsDisconnected sends headers and a body that never end.
func TestSlowSenderIsDisconnected(t *testing.T) { synctest.Test(t, disconnectsSlowSender) }

func disconnectsSlowSender(t *testing.T) {
	l, _ := serve(t, limits(), endpoint(t, config(), &fakeStream{}))
	for name, text := range map[string]string{
		"headers": "POST /events HTTP/1.1\r\nHost: usher.test\r\n",
		"a body":  "POST /events HTTP/1.1\r\nHost: usher.test\r\nAuthorization: " + bearer + "\r\nContent-Type: " + structured + "\r\nContent-Length: 4000\r\n\r\n{",
	} {
		conn := dial(t, l)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("%s: got %v, want a connection closed by the server", name, err)
		}
		_ = conn.Close()
	}
}

// TestShutdownWaitsForRequestInFlight stops the server during a request.
func TestShutdownWaitsForRequestInFlight(t *testing.T) {
	synctest.Test(t, shutdownWaits)
}

func shutdownWaits(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	l, stop := serve(t, limits(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-goOn
		w.WriteHeader(http.StatusAccepted)
	}))
	status := make(chan int, 1)
	client := &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}
	go func() {
		res, err := client.Get("http://usher.test")
		if err != nil {
			status <- 0
			return
		}
		_ = res.Body.Close()
		status <- res.StatusCode
	}()
	<-begun
	time.AfterFunc(50*time.Millisecond, func() { close(goOn) })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := <-status; got != http.StatusAccepted {
		t.Errorf("got status %d, want 202", got)
	}
	client.CloseIdleConnections()
}

// TestChangedCertificateIsLoaded replaces the files of a running server, first with a
// certificate that does not match the key, as in the middle of a change.
func TestChangedCertificateIsLoaded(t *testing.T) { synctest.Test(t, loadsChangedCertificate) }

func loadsChangedCertificate(t *testing.T) {
	c := limits()
	c.Cert, c.Key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certificate(t, c.Cert, c.Key, 1)
	l, _ := serve(t, c, endpoint(t, config(), &fakeStream{}))
	serial := func() int64 {
		conn := tls.Client(dial(t, l), &tls.Config{InsecureSkipVerify: true})
		defer conn.Close()
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("got certificate %d, want 1", got)
	}
	certificate(t, c.Cert, filepath.Join(t.TempDir(), "other.pem"), 2)
	later(t, c.Cert, 1)
	time.Sleep(1100 * time.Millisecond) // longer than the interval of checks
	if got := serial(); got != 1 {
		t.Errorf("got certificate %d while its key is not there, want the former one", got)
	}
	certificate(t, c.Cert, c.Key, 3)
	later(t, c.Cert, 2)
	time.Sleep(1100 * time.Millisecond)
	if got := serial(); got != 3 {
		t.Errorf("got certificate %d, want the new one", got)
	}
}

// later moves the time of a file forward: some file systems count in whole seconds.
func later(t *testing.T, name string, hours int) {
	t.Helper()
	info, err := os.Stat(name) // files have real times, the test virtual ones
	if err != nil {
		t.Fatal(err)
	}
	at := info.ModTime().Add(time.Duration(hours) * time.Hour)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

// certificate writes a certificate and its key.
func certificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"usher.test"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHTTP2WithoutTLS calls by prior knowledge, as curl --http2-prior-knowledge does.
func TestHTTP2WithoutTLS(t *testing.T) {
	for name, unencrypted := range map[string]bool{"HTTP/2": true, "HTTP/1.1": false} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := serve(t, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, r.Proto)
			}))
			transport := &http.Transport{DialContext: l.DialContext, Protocols: new(http.Protocols)}
			transport.Protocols.SetUnencryptedHTTP2(unencrypted)
			transport.Protocols.SetHTTP1(!unencrypted)
			defer transport.CloseIdleConnections()
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
				req, err := http.NewRequestWithContext(t.Context(), method, "http://usher.test/events", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				res, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatalf("%s %s: %v", name, method, err)
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK || (method != http.MethodHead && (string(body)+".0")[:len(name)] != name) {
					t.Errorf("%s %s: got %d %q, %v", name, method, res.StatusCode, body, err)
				}
			}
		})
	}
}
