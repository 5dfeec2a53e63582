package vendors

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// withWriteDeadline makes the transport check the write deadline of a request once more when
// the first bytes leave. Between the decision to make a call and the first byte on the wire are
// a dial, a handshake and the scheduler. A process may be frozen there for minutes, while
// another process makes the call.
//
// Connections use HTTP/1.1 and offer nothing else: HTTP/2 mixes the bytes of several requests.
func withWriteDeadline(t *http.Transport) *http.Transport {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &deadlineConn{Conn: conn}, nil
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.NextProtos = []string{"http/1.1"} // http.DefaultTransport offers h2
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return t
}

// writeDeadline returns a context for a request whose first bytes must leave before then, and a function
// that reports whether a connection has rejected the request as late. The error of the request may be
// another one: the end of the connection fails the reader at the same time.
func writeDeadline(ctx context.Context, then time.Time) (limited context.Context, late func() bool) {
	rejected := new(atomic.Bool)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		for secure, ok := conn.(*tls.Conn); ok; secure, ok = conn.(*tls.Conn) { // twice through an https proxy
			conn = secure.NetConn()
		}
		if p, ok := conn.(*deadlineConn); ok {
			p.arm(then, rejected)
		}
	}}), rejected.Load
}

// deadlineConn is a connection that rejects the first bytes of a late request with ErrLate.
type deadlineConn struct {
	net.Conn

	mu       sync.Mutex
	armed    bool
	by       time.Time
	rejected *atomic.Bool // set by a late Write
}

// arm sets the deadline for the next bytes.
func (c *deadlineConn) arm(by time.Time, rejected *atomic.Bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.by, c.rejected = true, by, rejected
}

// Write writes b. The first Write after arm returns ErrLate if the deadline has passed.
func (c *deadlineConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	late := c.armed && time.Now().After(c.by)
	if late {
		c.rejected.Store(true)
	}
	c.armed = false
	c.mu.Unlock()
	if late {
		return 0, ErrLate
	}
	return c.Conn.Write(b)
}
