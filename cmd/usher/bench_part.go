package main

import (
	"context"
	"net"
	"time"

	"github.com/usherhq/usher/internal/bench"
)

// benchPartCmd is what usher bench starts.
type benchPartCmd struct {
	NATS   benchNATSCmd   `cmd:"" name:"nats" help:"A NATS server."`
	Vendor benchVendorCmd `cmd:"" help:"The vendors' stand-in."`
	Bare   benchBareCmd   `cmd:"" help:"The bare loop."`
}

type benchNATSCmd struct {
	Addr string `required:"" help:"Where to listen."`
	Dir  string `required:"" help:"Of the store."`
}

// Run serves until ctx ends.
func (c benchNATSCmd) Run(ctx context.Context) error { return bench.ServeNATS(ctx, c.Addr, c.Dir) }

type benchVendorCmd struct {
	Addr      string        `required:"" help:"Where to listen."`
	Delay     time.Duration `help:"Of every answer."`
	Lifecycle bool          `help:"Know users, as the sandbox does."`
}

// Run serves until ctx ends.
func (c benchVendorCmd) Run(ctx context.Context) error {
	stands, err := bench.NewStandIn(c.Delay, c.Lifecycle)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	return serveHTTP(ctx, listener, stands)
}

type benchBareCmd struct {
	NATS        string `name:"nats" required:"" help:"The server's URL."`
	Vendors     string `required:"" help:"The stand-in's address."`
	Load        string `required:"" help:"What is to be done."`
	Concurrency int    `required:"" help:"Messages at work at a time, per vendor."`
	Writes      int    `help:"Into KV, per message."`
	Addr        string `required:"" help:"Where it tells its allocations."`
}

// Run works until ctx ends.
func (c benchBareCmd) Run(ctx context.Context) error {
	return bench.RunBare(ctx, bench.BareOptions{
		NATS: c.NATS, Vendors: c.Vendors, Load: c.Load, Concurrency: c.Concurrency, Writes: c.Writes, Addr: c.Addr,
	})
}
