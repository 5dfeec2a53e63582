package ingest

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/usherhq/usher/internal/clientlimit"
)

// connections limits the open connections of a server. At the limit the address with the most
// connections gives up one, without a request in hand if possible: a flood from one address
// takes no connection of another.
type connections struct {
	most int

	mu    sync.Mutex
	open  map[net.Conn]connection
	count map[string]int // by address, as clientlimit.Peer has them
}

// connection is an open connection.
type connection struct {
	address string
	since   time.Time
	waits   bool // for the headers of a request
}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]connection{}, count: map[string]int{}}
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
		if c.most > 0 && len(c.open) > c.most {
			c.drop(c.victim())
		}
	case http.StateActive, http.StateIdle:
		if ok {
			known.waits = state == http.StateIdle
			c.open[conn] = known
		}
	case http.StateHijacked, http.StateClosed:
		c.remove(conn)
	}
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
	delete(c.open, conn)
	if c.count[known.address]--; c.count[known.address] == 0 {
		delete(c.count, known.address)
	}
}
