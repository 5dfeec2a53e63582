package vendors

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// punctual lets no request leave late. Between the decision to make a call and
// its first byte on the wire stand a dial, a handshake and the scheduler, and a
// process may be frozen there for minutes: by then another one has made the call.
// So the time is looked at once more where the bytes leave.
//
// The connections speak HTTP/1.1, and offer the vendor nothing else: in HTTP/2 the
// bytes of one request cannot be told from those of others.
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
	t.TLSClientConfig.NextProtos = []string{"http/1.1"} // a clone of http.DefaultTransport offers h2
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return t
}

// leaveBy returns a context under which a request must begin to leave before then.
func writeDeadline(ctx context.Context, then time.Time) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		conn := info.Conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		if p, ok := conn.(*deadlineConn); ok {
			p.arm(then)
		}
	}})
}

// deadlineConn is a connection that refuses the first bytes of a late request.
type deadlineConn struct {
	net.Conn

	mu    sync.Mutex
	armed bool
	by    time.Time
}

// arm sets by when the next bytes must leave.
func (c *deadlineConn) arm(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.by = true, by
}

// Write writes, unless it is too late to begin: then it returns ErrLate.
func (c *deadlineConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	late := c.armed && time.Now().After(c.by)
	c.armed = false
	c.mu.Unlock()
	if late {
		return 0, ErrLate
	}
	return c.Conn.Write(b)
}
