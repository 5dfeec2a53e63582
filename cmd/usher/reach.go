package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// reachTime is the longest that a command waits for NATS.
const reachTime = 5 * time.Second

var errNoServer = errors.New("there is no NATS server to reach: the embedded one of usher serve is closed to other processes; " +
	"set USHER_NATS_URL (nats.url) to a server, or USHER_NATS_EMBEDDED_ADDR (nats.embedded.addr) to 127.0.0.1:4222 for usher serve and for this command")

// reach loads the configuration, and connects as the function of that name does.
func (a *app) reach(ctx context.Context) (c config.Config, set *streams.Set, end func(), err error) {
	if c, err = a.config(); err == nil {
		set, end, err = reach(ctx, a, c)
	}
	return c, set, end, err
}

// reach connects to the NATS that usher serve works with. It never starts a
// server of its own: what a command stored there would be seen by nobody. end
// closes the connection.
func reach(ctx context.Context, a *app, c config.Config) (set *streams.Set, end func(), err error) {
	n, where := c.NATS, c.NATS.Servers()+" (nats.url, USHER_NATS_URL)"
	if n.RunsEmbedded() {
		if n.Embedded.Addr == "" {
			return nil, nil, usageError{errNoServer}
		}
		n.URL = "nats://" + dialable(n.Embedded.Addr)
		where = n.URL + " (nats.embedded.addr, USHER_NATS_EMBEDDED_ADDR)"
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	log := a.logger(c.Log).Level(zerolog.ErrorLevel) // the command itself says what is wrong
	return connect(ctx, n, natsconn.Options{Log: log, Once: true, Servers: where})
}

// dialable returns the address at which one that is listened on is reached from
// this machine.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// vendorFlag is the name of a vendor, or empty.
type vendorFlag string

// Validate refuses what is no vendor's name.
func (f vendorFlag) Validate() error { return knownVendors(string(f)) }

// placeFlag is the name of a vendor, or what stands for deliveries, or empty.
type placeFlag string

// Validate refuses what is neither.
func (f placeFlag) Validate() error {
	if f == ops.Deliveries {
		return nil
	}
	return knownVendors(string(f))
}

// knownVendors returns an error where one of names is no vendor's. Empty names
// do not count.
func knownVendors(names ...string) error {
	var c config.Config
	var known []string
	for _, v := range vendorList(&c) {
		known = append(known, v.name)
	}
	for _, name := range names {
		if name != "" && !slices.Contains(known, name) {
			return errors.New("there is no vendor " + name + ": want one of " + strings.Join(known, ", "))
		}
	}
	return nil
}
