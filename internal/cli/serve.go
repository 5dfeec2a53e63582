package cli

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/engine"
)

// serveCmd is usher serve.
type serveCmd struct{}

// The growth of the heap before a collection is a constant room, for each vendor beyond the first a part
// more, within bounds in percent. A growth of
// 100, the default of Go, costs a tenth more processor time with a small heap. With a large heap, as after
// a flood of large bodies, the garbage must not take the room of the heap once more. GOGC overrides all,
// and GOMEMLIMIT limits the heap.
const (
	gcRoom  = 64 << 20 // bytes
	gcMore  = 16 << 20 // for each further vendor
	leastGC = 50
	mostGC  = 200
	gcEvery = 200 * time.Millisecond
)

// gcPercent returns the GOGC for a heap with this many bytes in use.
func gcPercent(live uint64, vendors int) int {
	room := gcRoom + gcMore*uint64(max(vendors-1, 0))
	return int(min(max(room*100/max(live, 1), leastGC), mostGC))
}

// tuneGC sets GOGC by the size of the heap until ctx ends.
func tuneGC(ctx context.Context, vendors int) {
	ticker := time.NewTicker(gcEvery)
	defer ticker.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for was := 0; ; {
		metrics.Read(live)
		if now := gcPercent(live[0].Value.Uint64(), vendors); now < was*9/10 || now > was*11/10 {
			debug.SetGCPercent(now)
			was = now
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Help is shown below the flags.
func (serveCmd) Help() string {
	return `A vendor is on if its credentials are set; the log lists the others at start. Without USHER_NATS_URL,
a NATS server runs in the process and keeps its data in data/nats.
SIGTERM finishes the work in hand and exits within 15 seconds.
SIGHUP, a change of the file, and usher config reload read the configuration again; see usher config reload --help.
With USHER_WORKER_ON=false the process only receives events over HTTP, and needs no vendor. With
USHER_HTTP_EVENTS=false it receives no events over HTTP, and serves only health, metrics and console.

Examples:
  USHER_MIESTRO_API_KEY=… USHER_MIESTRO_API_SECRET=… usher serve
  USHER_NATS_URL=nats://nats:4222 usher --config usher.yaml serve
  USHER_NATS_URL=nats://nats:4222 USHER_WORKER_ON=false usher serve`
}

// Run serves until ctx ends.
func (serveCmd) Run(ctx context.Context, a *app.App) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // a reload, also before the process serves
	defer signal.Stop(hangups)
	c, err := a.Config()
	if err != nil {
		return err
	}
	if err := c.RequireVendor(); err != nil {
		return app.Usage(err)
	}
	if a.Getenv("GOGC") == "" {
		var tuning sync.WaitGroup
		tuned, end := context.WithCancel(ctx)
		vendors := len(c.On())
		tuning.Go(func() { tuneGC(tuned, vendors) })
		defer tuning.Wait()
		defer end()
	}
	return engine.Run(ctx, engine.Options{
		Config: c, Catalog: a.Catalog, Log: a.Logger(c.Log), Version: a.Version, Reload: a.Config, File: a.ConfigPath(), Hangups: hangups,
	})
}
