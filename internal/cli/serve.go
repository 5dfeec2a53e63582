package cli

import (
	"context"
	"runtime/debug"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/engine"
)

// serveCmd is usher serve.
type serveCmd struct{}

// gcPercent is the growth of the heap before a garbage collection, in percent. The default of
// Go, 100, costs a tenth more processor time, and a worker uses a few megabytes. GOGC and
// GOMEMLIMIT override gcPercent.
const gcPercent = 200

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `A vendor is on if its credentials are set; the log lists the others at start. Without USHER_NATS_URL,
a NATS server runs in the process and keeps its data in data/nats.
SIGTERM finishes the work in hand and exits within 15 seconds.
With USHER_WORKER_ON=false the process only receives events over HTTP, and needs no vendor. With
USHER_HTTP_EVENTS=false it receives no events over HTTP, and serves only health, metrics and console.

Examples:
  USHER_MIESTRO_API_KEY=… USHER_MIESTRO_API_SECRET=… usher serve
  USHER_NATS_URL=nats://nats:4222 usher --config usher.yaml serve
  USHER_NATS_URL=nats://nats:4222 USHER_WORKER_ON=false usher serve`
}

// Run serves until ctx ends.
func (serveCmd) Run(ctx context.Context, a *app.App) error {
	c, err := a.Config()
	if err != nil {
		return err
	}
	if err := c.RequireVendor(); err != nil {
		return app.Usage(err)
	}
	if a.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return engine.Run(ctx, engine.Options{Config: c, Catalog: a.Catalog, Log: a.Logger(c.Log), Version: a.Version, Reload: a.Config})
}
