package clientlimit

import (
	"net/http"
	"testing"
)

func TestAddress(t *testing.T) {
	trusted, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.9", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		proxies   Proxies
		remote    string
		forwarded []string
		want      string
	}{
		"no proxy":                    {nil, "192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1"},
		"a client that is no proxy":   {trusted, "192.0.2.1:4711", []string{"198.51.100.7"}, "192.0.2.1"},
		"behind a proxy":              {trusted, "10.1.2.3:4711", []string{"198.51.100.7"}, "198.51.100.7"},
		"behind two proxies":          {trusted, "10.1.2.3:4711", []string{"198.51.100.7, 192.0.2.9"}, "198.51.100.7"},
		"behind two, in two lines":    {trusted, "10.1.2.3:4711", []string{"198.51.100.7", "192.0.2.9"}, "198.51.100.7"},
		"an address of the client's":  {trusted, "10.1.2.3:4711", []string{"203.0.113.5, 198.51.100.7"}, "198.51.100.7"},
		"only proxies":                {trusted, "10.1.2.3:4711", []string{"10.9.9.9"}, "10.9.9.9"},
		"no address in the header":    {trusted, "10.1.2.3:4711", []string{"unknown"}, "10.1.2.3"},
		"no header":                   {trusted, "10.1.2.3:4711", nil, "10.1.2.3"},
		"IPv4 in IPv6":                {trusted, "[::ffff:10.1.2.3]:4711", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		"the network of IPv6":         {trusted, "[fd00::1]:4711", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},
		"a connection without a port": {trusted, "pipe", []string{"198.51.100.7"}, "pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := test.proxies.Address(r); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if _, err := ParseProxies([]string{"10.0.0.0/33"}); err == nil {
		t.Error("a network that is none was accepted")
	}
}
