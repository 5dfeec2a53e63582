// Package clientlimit has the address of an HTTP client, and a rate limit for each client: for the
// endpoint of events and for the console.
package clientlimit

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
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

// Proxies are the addresses of proxies whose X-Forwarded-For counts. Without proxies the address
// of a client is the address of the connection.
type Proxies []netip.Prefix

// ParseProxies parses addresses and networks, such as 10.0.0.0/8.
func ParseProxies(list []string) (Proxies, error) {
	var all Proxies
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if address, alone := netip.ParseAddr(text); alone == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network", text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// Peer returns the address of a connection, of the form host:port, without the port. Of an IPv6 address
// the network of 64 bits counts, since a client may have as many addresses.
func Peer(remote string) string {
	address, host, ok := parse(remote)
	if !ok {
		return host
	}
	return network(address)
}

// parse returns the address in host:port, or only the text of the host.
func parse(remote string) (address netip.Addr, host string, ok bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	address, err = netip.ParseAddr(host)
	return address.Unmap(), host, err == nil
}

// network returns the network that counts as one client.
func network(address netip.Addr) string {
	if address.Is6() {
		return netip.PrefixFrom(address.WithZone(""), 64).Masked().String()
	}
	return address.String()
}

// Address returns the address of the client, as Peer does. Behind a trusted proxy the last address in
// X-Forwarded-For counts that is no trusted proxy: a client can write the addresses before.
func (p Proxies) Address(r *http.Request) string {
	address, host, ok := parse(r.RemoteAddr)
	if !ok {
		return host
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for p.trusts(address) && len(forwarded) > 0 {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[len(forwarded)-1]))
		if err != nil {
			break
		}
		address, forwarded = next.Unmap(), forwarded[:len(forwarded)-1]
	}
	return network(address)
}

func (p Proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}
