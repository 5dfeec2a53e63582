package cli

import (
	"context"
	"runtime/debug"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/engine"
)

type serveCmd struct{}

// collectAt is how far the memory in use may grow, in percent, until garbage is
// collected. Go's own default of 100 costs a tenth more processor time, and a worker
// has few megabytes in use. GOGC and GOMEMLIMIT say otherwise where they are set.
const collectAt = 200

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `A vendor is on when its credentials are there; the others are said once at start. Without
USHER_NATS_URL a NATS server runs in the process and keeps its data in data/nats.
SIGTERM finishes what is in hand and exits within 15 seconds.
USHER_WORKER_ON=false makes a process that only takes events in, over HTTP, and needs no vendor;
USHER_HTTP_EVENTS=false one that takes none, and shows only how it is.

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
		debug.SetGCPercent(collectAt)
	}
	return engine.Run(ctx, engine.Options{Config: c, Catalog: a.Catalog, Log: a.Logger(c.Log), Version: a.Version, Reload: a.Config})
}
