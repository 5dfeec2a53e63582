package app

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/ops"
)

// ConnectTimeout is the longest that a command waits for NATS.
const ConnectTimeout = 5 * time.Second

var errNoServer = errors.New("there is no NATS server to reach: the embedded one of usher serve is closed to other processes; " +
	"set USHER_NATS_URL (nats.url) to a server, or USHER_NATS_EMBEDDED_ADDR (nats.embedded.addr) to 127.0.0.1:4222 for usher serve and for this command")

// Connect loads the configuration, and connects as ConnectTo does.
func (a *App) Connect(ctx context.Context) (c config.Config, b *bus.Bus, end func(), err error) {
	if c, err = a.Config(); err == nil {
		b, end, err = a.ConnectTo(ctx, c)
	}
	return c, b, end, err
}

// ConnectTo connects to the NATS that usher serve works with. It never starts a
// server of its own: what a command stored there would be seen by nobody. end
// closes the connection.
func (a *App) ConnectTo(ctx context.Context, c config.Config) (b *bus.Bus, end func(), err error) {
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
	log := a.Logger(c.Log).Level(zerolog.ErrorLevel) // the command itself says what is wrong
	return engine.Connect(ctx, n, bus.Options{Log: log, Once: true, Where: where})
}

// Dialable returns the address at which one that is listened on is reached from
// this machine.
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

// Desk connects to NATS, and returns the operations for people; end closes the connection.
func (a *App) Desk(ctx context.Context) (d *ops.Desk, end func(), err error) {
	c, b, end, err := a.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.Catalog.Desk(b, c), end, nil
}
