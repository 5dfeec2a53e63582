package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// EndpointConfig holds the parameters of a run against the HTTP endpoint. Senders post events while
// the endpoint and NATS are killed. At the end EVENTS must contain all events answered with 202.
type EndpointConfig struct {
	Seed     uint64
	Events   int // half sent one by one, half in batches
	Senders  int // concurrent senders
	Kills    int // kills of the endpoint, of NATS and of both, in turn
	Limit    time.Duration
	Binaries Binaries
	Dir      string // directory of logs and stores; empty: a new temporary directory
}

// FullEndpoint returns the configuration for proving the invariant.
func FullEndpoint() EndpointConfig {
	return EndpointConfig{Events: 100_000, Senders: 32, Kills: 60, Limit: time.Hour}
}

// ShortEndpoint returns the configuration for every run of the tests.
func ShortEndpoint() EndpointConfig {
	return EndpointConfig{Events: 3000, Senders: 8, Kills: 3, Limit: 3 * time.Minute}
}

// RunEndpoint makes one run and checks the invariant. An error means that the run could not be made,
// or that the endpoint sent an answer that senders cannot handle.
func RunEndpoint(ctx context.Context, c EndpointConfig) (report *EndpointReport, err error) {
	begun := time.Now()
	if c.Dir == "" {
		if c.Dir, err = os.MkdirTemp("", fmt.Sprintf("usher-chaos-endpoint-%d-", c.Seed)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	w, url, err := newEndpoint(ctx, c)
	defer func() {
		if err = errors.Join(err, w.close()); err != nil {
			err = fmt.Errorf("%w; logs and stores are in %s", err, c.Dir)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("start the environment: %w", err)
	}
	report = &EndpointReport{Dir: c.Dir, Events: c.Events}
	t := &tally{}
	if err := besiege(ctx, w, c, url, t, report); err != nil {
		return report, err
	}
	if err := w.readable(ctx); err != nil {
		return report, err
	}
	shelf, err := stored(ctx, w)
	if err != nil {
		return report, fmt.Errorf("read EVENTS: %w", err)
	}
	report.judge(t, shelf)
	report.Died, report.Took = w.died(), time.Since(begun)
	return report, nil
}

// newEndpoint starts NATS and usher serve with an unreachable vendor. The caller closes the world,
// after an error too.
func newEndpoint(ctx context.Context, c EndpointConfig) (w *world, url string, err error) {
	w = &world{config: Config{Dir: c.Dir, Binaries: c.Binaries, Nodes: 1, Limits: shortLimits()}}
	if w.nodes, err = newNodes(ctx, w.config); err != nil {
		return w, "", err
	}
	if w.nc, w.js, err = w.connect("chaos"); err != nil {
		return w, "", err
	}
	addr, err := process.FreeAddr(ctx)
	if err != nil {
		return w, "", err
	}
	away, err := process.FreeAddr(ctx)
	if err != nil {
		return w, "", err
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "usher.yaml"), []byte(scenario.CourseFile(scenario.Courses())), 0o600); err != nil {
		return w, "", err
	}
	w.environ = append(settings(w.config), "USHER_HTTP_ADDR="+addr, "USHER_HTTP_RATE=0",
		"USHER_MIESTRO_BASE_URL=http://"+away+"/api/v1.0", "USHER_MIESTRO_API_KEY=nobody", "USHER_MIESTRO_API_SECRET=nobody")
	x, err := newWorker(ctx, w, 0)
	if err != nil {
		return w, "", err
	}
	w.workers = append(w.workers, x)
	return w, "http://" + addr + "/events", w.readable(ctx)
}

// readable waits until EVENTS exists.
func (w *world) readable(ctx context.Context) error {
	return w.until(ctx, 0, "EVENTS is there", func() bool {
		limit, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := w.js.Stream(limit, streams.EventsStream)
		return err == nil
	})
}

// besiege posts all events and kills processes meanwhile.
func besiege(ctx context.Context, w *world, c EndpointConfig, url string, t *tally, r *EndpointReport) error {
	group, ctx := errgroup.WithContext(ctx)
	posting, posted := context.WithCancel(ctx)
	group.Go(func() error {
		defer posted()
		return postAll(ctx, c, url, t)
	})
	group.Go(func() error {
		rng := rand.New(rand.NewPCG(c.Seed, 4))
		for n := range c.Kills {
			// Kills depend on the number of answers, not on time, so that senders are at work.
			for due := c.Events * (n + 1) / (c.Kills + 1); t.count() < due && posting.Err() == nil; {
				process.Sleep(posting, 5*time.Millisecond)
			}
			if err := strike(ctx, w, n, rng); err != nil {
				return err
			}
			r.Kills[n%len(r.Kills)]++
		}
		return nil
	})
	return group.Wait()
}

// strike kills and restarts the endpoint, NATS or both.
func strike(ctx context.Context, w *world, n int, rng *rand.Rand) error {
	endpoint, nats := n%3 != 1, n%3 != 0
	if nats {
		w.nodes[0].kill()
	}
	if endpoint {
		w.workers[0].crash()
	}
	if !nats {
		return nil
	}
	process.Sleep(ctx, time.Duration(rng.IntN(300))*time.Millisecond)
	return w.nodes[0].start()
}
