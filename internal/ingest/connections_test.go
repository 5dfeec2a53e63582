package ingest

import (
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection from an address, which remembers its end.
type fakeConn struct {
	net.Conn
	address string
	closed  bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return fakeAddr(c.address) }
func (c *fakeConn) Close() error         { c.closed = true; return nil }

type fakeAddr string

func (fakeAddr) Network() string  { return "tcp" }
func (a fakeAddr) String() string { return string(a) }

// TestConnectionsAtTheLimit opens a connection each second, a as "192.0.2.1:1", and then sets the
// states.
func TestConnectionsAtTheLimit(t *testing.T) {
	const a, b, c = "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"
	for name, test := range map[string]struct {
		open   []string
		active []int  // connections with a request in hand
		last   string // one more connection
		closed []int
	}{
		"below the limit":                     {[]string{a, a}, nil, b, nil},
		"the oldest of the flood":             {[]string{a, b, a}, nil, c, []int{0}},
		"a request in hand stays":             {[]string{a, a, b}, []int{0}, c, []int{1}},
		"the newest of the flood":             {[]string{a, a, b}, []int{0, 1, 2}, c, []int{1}},
		"the flood takes nothing":             {[]string{a, a, b}, []int{0, 1}, a, []int{3}},
		"every address has one: the oldest":   {[]string{a, b, c}, nil, "192.0.2.4:1", []int{0}},
		"a proxy keeps requests in hand":      {[]string{a, a, a}, []int{0, 1}, a, []int{2}},
		"a flood from a network of IPv6":      {[]string{b, "[2001:db8::1]:1", "[2001:db8::2]:1"}, nil, "[2001:db8::3]:1", []int{1}},
		"every connection of a proxy is busy": {[]string{a, a, a}, []int{0, 1, 2}, a, []int{3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limited := newConnections(3, 0)
				var all []*fakeConn
				open := func(address string) {
					conn := &fakeConn{address: address}
					all = append(all, conn)
					limited.changed(conn, http.StateNew)
					time.Sleep(time.Second)
				}
				for _, address := range test.open {
					open(address)
				}
				for _, i := range test.active {
					limited.changed(all[i], http.StateActive)
				}
				open(test.last)
				var closed []int
				for i, conn := range all {
					if conn.closed {
						closed = append(closed, i)
					}
					limited.changed(conn, http.StateClosed)
				}
				if !slices.Equal(closed, test.closed) {
					t.Errorf("got connections %v closed, want %v", closed, test.closed)
				}
				if len(limited.open) > 0 || len(limited.count) > 0 {
					t.Errorf("got %d connections counted after their end, want none", len(limited.open))
				}
			})
		})
	}
}
