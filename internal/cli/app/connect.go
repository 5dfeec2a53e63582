package app

import (
	"context"
	"errors"
	"net"
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

var errNoServer = errors.New("there is no NATS server to reach: the embedded one of usher serve is closed to other processes; " +
	"set USHER_NATS_URL (nats.url) to a server, or USHER_NATS_EMBEDDED_ADDR (nats.embedded.addr) to 127.0.0.1:4222 for usher serve and for this command")

// Connect loads the configuration and connects; see ConnectTo.
func (a *App) Connect(ctx context.Context) (c config.Config, set *streams.Set, end func(), err error) {
	if c, err = a.Config(); err == nil {
		set, end, err = a.ConnectTo(ctx, c)
	}
	return c, set, end, err
}

// ConnectTo connects to the NATS server of usher serve. A command never starts an embedded
// server: no usher serve would see its messages. end closes the connection.
func (a *App) ConnectTo(ctx context.Context, c config.Config) (set *streams.Set, end func(), err error) {
	n, where := c.NATS, c.NATS.Servers()+" (nats.url, USHER_NATS_URL)"
	if n.RunsEmbedded() {
		if n.Embedded.Addr == "" {
			return nil, nil, Usage(errNoServer)
		}
		n.URL = "nats://" + Dialable(n.Embedded.Addr)
		where = n.URL + " (nats.embedded.addr, USHER_NATS_EMBEDDED_ADDR)"
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	log := a.Logger(c.Log).Level(zerolog.ErrorLevel) // the command returns the error
	return engine.Connect(ctx, n, natsconn.Options{Log: log, Once: true, Servers: where})
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
