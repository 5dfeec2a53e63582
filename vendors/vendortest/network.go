package vendortest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// host is where every stand-in of the suite is served; no name server is asked for it.
const host = "stand-in.test"

// network is a net.Listener whose connections are pipes in memory. Tests that
// use it can run on the virtual time of testing/synctest.
type network struct {
	dialled chan net.Conn
	closed  chan struct{}
	close   func()
}

func newNetwork() *network {
	closed := make(chan struct{})
	return &network{dialled: make(chan net.Conn), closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// Accept returns the server's end of the next connection.
func (n *network) Accept() (net.Conn, error) {
	select {
	case conn := <-n.dialled:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (n *network) Close() error {
	n.close()
	return nil
}

// Addr returns the address of a pipe: network and text are "pipe".
func (n *network) Addr() net.Addr {
	near, far := net.Pipe()
	_, _ = near.Close(), far.Close()
	return near.LocalAddr()
}

// dial returns the client's end of a new connection, whatever the address.
func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case n.dialled <- far:
		return near, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve serves the handler in memory until the test ends, and returns the
// transport that reaches the handler under every address.
func serve(t testing.TB, handler http.Handler) http.RoundTripper {
	t.Helper()
	n := newNetwork()
	server := &http.Server{Handler: handler} //nolint:gosec // the only client is the test
	transport := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 1024}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(n) })
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
		serving.Wait()
	})
	return transport
}
