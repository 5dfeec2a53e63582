// Package caller tells who calls over HTTP, and whether they call too often:
// for the endpoint of events and for the console alike.
package caller

import (
	"net"
	"net/http"
	"strings"
)

// Loopback tells whether a request's host is this machine. A page in a browser
// may have a name of its own resolve to it.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Address is the address of the other side, without its port.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
