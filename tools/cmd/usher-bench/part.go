package main

import (
	"context"
	"time"

	"github.com/usherhq/usher/tools/bench"
)

// partCmd holds the hidden commands of processes started by usher-bench.
type partCmd struct {
	NATS   natsCmd   `cmd:"" name:"nats" help:"A NATS server."`
	Vendor vendorCmd `cmd:"" help:"Fake vendors."`
	Bare   bareCmd   `cmd:"" help:"The bare loop."`
}

type natsCmd struct {
	Addr string `required:"" help:"Where to listen."`
	Dir  string `required:"" help:"Of the store."`
}

// Run serves until ctx ends.
func (c natsCmd) Run(ctx context.Context) error { return bench.ServeNATS(ctx, c.Addr, c.Dir) }

type vendorCmd struct {
	Addr      string        `required:"" help:"Where to listen."`
	Delay     time.Duration `help:"Of every answer."`
	Lifecycle bool          `help:"Know users, as the sandbox does."`
}

// Run serves until ctx ends.
func (c vendorCmd) Run(ctx context.Context) error {
	return bench.ServeVendors(ctx, c.Addr, c.Delay, c.Lifecycle)
}

type bareCmd struct {
	NATS        string `name:"nats" required:"" help:"The server's URL."`
	Vendors     string `required:"" help:"Address of the fake vendors."`
	Load        string `required:"" help:"Load."`
	Calls       string `required:"" help:"The file with the recorded calls."`
	Concurrency int    `required:"" help:"Messages at work at a time, per vendor."`
	Writes      int    `help:"Into KV, per message."`
	Addr        string `required:"" help:"Where it tells its allocations."`
}

// Run runs the bare loop until ctx ends.
func (c bareCmd) Run(ctx context.Context) error {
	return bench.RunBare(ctx, bench.BareOptions{
		NATS: c.NATS, Vendors: c.Vendors, Load: c.Load, Calls: c.Calls, Concurrency: c.Concurrency, Writes: c.Writes, Addr: c.Addr,
	})
}
