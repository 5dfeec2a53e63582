// Package clientlimit has the address of an HTTP client, and a rate limit for each client: for the
// endpoint of events and for the console.
package clientlimit

import (
	"net"
	"net/http"
	"strings"
)

// Loopback reports whether the host of a request is this machine. Checking Host guards against
// DNS rebinding.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Address returns the address of the client, without the port.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
