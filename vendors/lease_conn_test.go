package vendors

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// slowListener lets each connection wait before its first byte is read, as a
// process does that is frozen in the middle of a handshake.
type slowListener struct {
	net.Listener
	wait time.Duration
}

func (l slowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &slowConn{Conn: conn, until: time.Now().Add(l.wait)}, err
}

type slowConn struct {
	net.Conn
	until time.Time
}

func (c *slowConn) Read(b []byte) (int, error) {
	time.Sleep(time.Until(c.until))
	return c.Conn.Read(b)
}

// TestNoRequestLeavesLate gives a call so little time to begin that the handshake
// outlasts it, though the call itself could still end in time.
func TestNoRequestLeavesLate(t *testing.T) {
	model := httptest.NewTLSServer(nil) // for its certificate
	model.Close()
	roots := model.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, c := range map[string]struct {
		handshake time.Duration
		calls     int64
		err       error
	}{
		"the handshake outlasts the lease": {500 * time.Millisecond, 0, ErrLate},
		"it does not":                      {0, 1, nil},
	} {
		try := func(t *testing.T) {
			var calls atomic.Int64
			l := memnet.Listen()
			server := &http.Server{
				Handler:   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }),
				TLSConfig: &tls.Config{Certificates: model.TLS.Certificates},
			}
			defer server.Close()
			go func() { _ = server.ServeTLS(slowListener{l, c.handshake}, "", "") }()
			own := &http.Transport{DialContext: l.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots}}
			defer own.CloseIdleConnections()
			client := NewClient("acme", Options{BaseURL: "https://example.com", Timeout: 10 * time.Second, HTTP: withWriteDeadline(own)}, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+250*time.Millisecond)
			defer cancel()
			err := client.Do(ctx, Call{Op: "create user", Method: http.MethodPost, Path: "/users"})
			if !errors.Is(err, c.err) || (c.err == nil && err != nil) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			if calls.Load() != c.calls {
				t.Errorf("the vendor got %d requests, want %d", calls.Load(), c.calls)
			}
		}
		t.Run(name, func(t *testing.T) { synctest.Test(t, try) })
	}
}

// TestAVendorThatOffersHTTP2 is called by a client as it is in production, but for
// the certificate.
func TestAVendorThatOffersHTTP2(t *testing.T) {
	var spoken atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { spoken.Store(r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := NewClient("acme", Options{BaseURL: server.URL}, nil)
	own := client.http.(*http.Transport)
	own.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	defer own.CloseIdleConnections()
	if err := client.Do(t.Context(), Call{Op: "create user", Method: http.MethodPost, Path: "/users"}); err != nil {
		t.Error(err)
	}
	if spoken.Load() != "HTTP/1.1" {
		t.Errorf("they spoke %v, want HTTP/1.1", spoken.Load())
	}
}
