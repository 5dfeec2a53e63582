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
	Addr       string `required:"" help:"Listen address."`
	Dir        string `required:"" help:"Directory of the store."`
	Heap       string `help:"Listen address for the bytes in use."`
	SyncAlways bool   `help:"Sync each message to the disk."`
}

// Run serves until ctx ends.
func (c natsCmd) Run(ctx context.Context) error {
	return bench.ServeNATS(ctx, c.Addr, c.Dir, c.Heap, c.SyncAlways)
}

type vendorCmd struct {
	Addr      string        `required:"" help:"Listen address."`
	Delay     time.Duration `help:"Delay of every answer."`
	Lifecycle bool          `help:"Simulate users, by the sandbox."`
}

// Run serves until ctx ends.
func (c vendorCmd) Run(ctx context.Context) error {
	return bench.ServeVendors(ctx, c.Addr, c.Delay, c.Lifecycle)
}

type bareCmd struct {
	NATS        string `name:"nats" required:"" help:"URL of the server."`
	Vendors     string `required:"" help:"Address of the fake vendors."`
	Load        string `required:"" help:"Load."`
	Calls       string `required:"" help:"File with the recorded calls."`
	Concurrency int    `required:"" help:"Concurrent messages per vendor."`
	Writes      int    `help:"KV writes per message."`
	Addr        string `required:"" help:"Address of the metrics."`
}

// Run runs the bare loop until ctx ends.
func (c bareCmd) Run(ctx context.Context) error {
	return bench.RunBare(ctx, bench.BareOptions{
		NATS: c.NATS, Vendors: c.Vendors, Load: c.Load, Calls: c.Calls, Concurrency: c.Concurrency, Writes: c.Writes, Addr: c.Addr,
	})
}
