// Package memnet is a network in memory, for tests on the virtual time of testing/synctest: a
// goroutine that waits for a socket stops virtual time, a goroutine that waits for a connection
// of this package does not.
package memnet

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Listener is a net.Listener with pipes in memory as connections.
type Listener struct {
	dialled chan net.Conn
	closed  chan struct{}
	close   func()
}

// Listen returns a Listener.
func Listen() *Listener {
	closed := make(chan struct{})
	return &Listener{dialled: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// DialContext returns the client's end of a new connection, for every address.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.dialled <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the server's end of the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.dialled:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and DialContext. Connections stay open.
func (l *Listener) Close() error {
	l.close()
	return nil
}

// Addr returns an address whose network and text are "memory".
func (l *Listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }

// Serve serves the handler until the end of the test, and returns the transport to the handler,
// for every address.
func Serve(t testing.TB, handler http.Handler) *http.Transport {
	t.Helper()
	l := Listen()
	server := &http.Server{Handler: handler} //nolint:gosec // G112: the only client is the test
	transport := &http.Transport{DialContext: l.DialContext, MaxIdleConnsPerHost: 1024}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return transport
}
