package ingest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/clientlimit"
)

// connections limits the open connections of a server. A request over HTTP/2 counts as one more
// connection: thousands of requests could otherwise wait on a few connections, with their headers in
// memory. At the limit the address with the most gives up a connection, without a request in hand if
// possible: a flood from one address takes no connection of another.
//
// A connection without a request ends after a time here, and not by http.Server.IdleTimeout: net/http of
// Go 1.26 keeps a closed connection of HTTP/2 in memory for that time, if requests were in hand.
type connections struct {
	most int
	idle time.Duration // zero: no limit

	mu       sync.Mutex
	open     map[net.Conn]connection
	requests int            // over HTTP/2, of all connections
	count    map[string]int // connections and requests by address, as clientlimit.Peer has them
}

// connection is an open connection.
type connection struct {
	address  string
	since    time.Time
	waits    bool        // for the headers of a request
	requests int         // in hand, over HTTP/2
	end      *time.Timer // while no request is in hand; may be nil
}

// connKey is the key of the connection in the context of a request.
type connKey struct{}

// named is a http.Server.ConnContext.
func named(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// counting returns a handler that counts requests over HTTP/2, until the answer is sent: a client that
// reads no answer keeps the request in memory.
func (c *connections) counting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connKey{}).(net.Conn)
		if !ok || r.ProtoMajor < 2 {
			h.ServeHTTP(w, r)
			return
		}
		c.request(conn, 1)
		defer c.request(conn, -1)
		h.ServeHTTP(w, r)
		r.Header = nil                            // net/http keeps the request: until the client has read, and then in a pool
		_ = http.NewResponseController(w).Flush() // net/http would wait for the client after the end of the handler
	})
}

// request counts the begin or the end of a request over HTTP/2.
func (c *connections) request(conn net.Conn, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.open[conn]
	if !ok {
		return // dropped
	}
	known.requests += n
	known.waits = known.requests == 0
	c.open[conn] = known
	c.requests += n
	c.count[known.address] += n
	c.limit()
}

// limit closes connections until the limit holds.
func (c *connections) limit() {
	for c.most > 0 && len(c.open)+c.requests > c.most {
		c.drop(c.victim())
	}
}

func newConnections(most int, idle time.Duration) *connections {
	return &connections{most: most, idle: idle, open: map[net.Conn]connection{}, count: map[string]int{}}
}

// changed is a http.Server.ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.open[conn]
	switch state {
	case http.StateNew:
		address := clientlimit.Peer(conn.RemoteAddr().String())
		c.open[conn] = connection{address: address, since: time.Now(), waits: true}
		c.count[address]++
		c.limit()
	case http.StateActive, http.StateIdle:
		if ok {
			known.waits = state == http.StateIdle
			c.endAfter(conn, &known)
			c.open[conn] = known
		}
	case http.StateHijacked, http.StateClosed:
		c.remove(conn)
	}
}

// endAfter sets or stops the timer of a connection.
func (c *connections) endAfter(conn net.Conn, k *connection) {
	if k.end != nil {
		k.end.Stop()
		k.end = nil
	}
	if !k.waits || c.idle <= 0 {
		return
	}
	var end *time.Timer
	end = time.AfterFunc(c.idle, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.open[conn].end == end { // no request came meanwhile
			c.drop(conn)
		}
	})
	k.end = end
}

// victim returns the connection to close, of the address with the most connections: the oldest
// one that waits for a request, or else the newest.
func (c *connections) victim() net.Conn {
	var worst net.Conn
	for conn, k := range c.open {
		if worst == nil || c.worse(k, c.open[worst]) {
			worst = conn
		}
	}
	return worst
}

// worse reports whether a is closed before b.
func (c *connections) worse(a, b connection) bool {
	switch {
	case c.count[a.address] != c.count[b.address]:
		return c.count[a.address] > c.count[b.address]
	case a.waits != b.waits:
		return a.waits
	case a.waits:
		return a.since.Before(b.since)
	default:
		return a.since.After(b.since)
	}
}

// drop closes a connection without waiting for the peer.
func (c *connections) drop(conn net.Conn) {
	c.remove(conn)
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	_ = conn.Close() // the server notices the closed connection, and logs nothing
}

func (c *connections) remove(conn net.Conn) {
	known, ok := c.open[conn]
	if !ok {
		return
	}
	if known.end != nil {
		known.end.Stop()
	}
	delete(c.open, conn)
	c.requests -= known.requests
	if c.count[known.address] -= 1 + known.requests; c.count[known.address] == 0 {
		delete(c.count, known.address)
	}
}
