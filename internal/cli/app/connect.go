package app

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// ConnectTimeout is the time after which a command gives up to connect.
const ConnectTimeout = 5 * time.Second

// defaultServer is the address of commands without a setting, as for the nats command. usher demo
// listens there.
const defaultServer = "127.0.0.1:4222"

const byDefault = " (the default: set --server, nats.url or USHER_NATS_URL to your NATS; " +
	"the embedded server of usher serve is closed to commands without nats.embedded.addr)"

// Connect loads the configuration and connects; see ConnectTo.
func (a *App) Connect(ctx context.Context) (c config.Config, set *streams.Set, end func(), err error) {
	if c, err = a.Config(); err == nil {
		set, end, err = a.ConnectTo(ctx, c)
	}
	return c, set, end, err
}

// ConnectAlone is Connect for a command that calls no vendor and makes no event: only faults of the
// connection, and of the source of actions, end the command.
func (a *App) ConnectAlone(ctx context.Context) (c config.Config, set *streams.Set, end func(), err error) {
	if c, err = a.ConfigFor("nats", "source"); err == nil {
		set, end, err = a.ConnectTo(ctx, c)
	}
	return c, set, end, err
}

// ConnectTo connects to the NATS server of usher serve. A command never starts an embedded
// server: no usher serve would see its messages. end closes the connection.
func (a *App) ConnectTo(ctx context.Context, c config.Config) (set *streams.Set, end func(), err error) {
	n, where := client(c.NATS, a.serverFrom(c))
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	log := a.Logger(c.Log).Level(zerolog.ErrorLevel) // the command returns the error
	return engine.Connect(ctx, n, natsconn.Options{Log: log, Once: true, Servers: where})
}

// serverFrom returns the flag, the variable or the line of a file that has chosen the server.
func (a *App) serverFrom(c config.Config) string {
	lines := c.Show()
	i := slices.IndexFunc(lines, func(one config.Shown) bool { return one.Key == "nats.url" })
	switch from := lines[i].From; {
	case from == "flag":
		return "--server"
	case a.NATSContext != "" && strings.HasSuffix(from, ".json"):
		return "--nats-context " + a.NATSContext
	default:
		return from
	}
}

// client returns the settings of a command for the settings of usher serve, and the name of the
// servers for errors, with the origin of nats.url.
func client(n config.NATS, from string) (of config.NATS, where string) {
	switch {
	case !n.RunsEmbedded():
		return n, n.Servers() + " (" + from + ")"
	case n.Embedded.Addr != "":
		n.URL = "nats://" + Dialable(n.Embedded.Addr)
		return n, n.URL + " (nats.embedded.addr, USHER_NATS_EMBEDDED_ADDR)"
	default:
		n.URL = "nats://" + defaultServer
		return n, n.URL + byDefault
	}
}

// Dialable returns the address for connections from this machine to a server that listens on
// addr.
func Dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// Service connects to NATS and returns the operations for people. end closes the connection.
func (a *App) Service(ctx context.Context) (s *ops.Service, end func(), err error) {
	c, set, end, err := a.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.Catalog.Service(set, c), end, nil
}

// Operations is Service for a command that only reads and writes NATS; see ConnectAlone.
func (a *App) Operations(ctx context.Context) (s *ops.Service, end func(), err error) {
	c, set, end, err := a.ConnectAlone(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.Catalog.Service(set, c), end, nil
}
