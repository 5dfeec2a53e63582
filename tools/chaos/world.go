package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// world holds all processes of a run.
type world struct {
	config  Config
	nodes   []*node
	sandbox *process.Process
	stands  string // address of the sandbox
	environ []string
	workers []*worker
	nc      *nats.Conn
	js      jetstream.JetStream
}

// newWorld starts all processes. The caller closes the world, after an error too.
func newWorld(ctx context.Context, c Config) (w *world, err error) {
	w = &world{config: c}
	if w.nodes, err = newNodes(ctx, c); err != nil {
		return w, err
	}
	if w.nc, w.js, err = w.connect("chaos"); err != nil {
		return w, err
	}
	if err := w.producers(ctx); err != nil {
		return w, err
	}
	if err := w.standIns(ctx); err != nil {
		return w, err
	}
	if err := c.writeFile(); err != nil {
		return w, err
	}
	for _, foreign := range c.Foreign {
		w.environ = append(w.environ, foreign.Environ...)
	}
	w.environ = append(w.environ, settings(c)...)
	for i := range c.Workers {
		x, err := newWorker(ctx, w, i)
		if err != nil {
			return w, err
		}
		w.workers = append(w.workers, x)
	}
	return w, w.until(ctx, 0, "the streams and consumers are there", func() bool { return w.consumers(ctx, nil) })
}

// modes are the modes of vendors with several, without rules of a team.
var modes = map[string]string{"meiro": "customers", "magloft": "readers"}

// settings returns the settings of the workers that do not depend on the sandbox.
func settings(c Config) []string {
	environ := []string{
		"USHER_HTTP_ADDR=off",
		fmt.Sprintf("USHER_NATS_REPLICAS=%d", c.Nodes),
		fmt.Sprintf("USHER_WORKER_ACK_WAIT=%s", c.Limits.AckWait), fmt.Sprintf("USHER_WORKER_CALL_LEASE=%s", c.Limits.CallLease),
		fmt.Sprintf("USHER_WORKER_SHUTDOWN=%s", c.Limits.Shutdown), "USHER_WORKER_PREREQUISITE_WAIT=30m",
		"USHER_WORKER_RETRY_MIN=100ms", "USHER_WORKER_RETRY_MAX=2s", "USHER_WORKER_HOLD_RETRY=1s",
		"USHER_DELETIONS_COUNT=1000000", "USHER_DELETIONS_SHARE=1", // the guard stops no deletion
	}
	for _, v := range c.vendors() {
		environ = append(environ, fmt.Sprintf("USHER_%s_TIMEOUT=%s", strings.ToUpper(v), c.Limits.CallTimeout),
			fmt.Sprintf("USHER_%s_RATE=%v", strings.ToUpper(v), c.Rate))
		if mode := modes[v]; mode != "" && !c.Rules {
			environ = append(environ, fmt.Sprintf("USHER_%s_MODE=%s", strings.ToUpper(v), mode))
		}
	}
	for _, setting := range c.Shape.Settings {
		environ = append(environ, strings.ReplaceAll(setting, "DIR", c.Dir))
	}
	return environ
}

// standIns starts usher sandbox and reads the printed variables. The sandbox creates a second
// account for an address in use, so that a repeated creation is noticed.
func (w *world) standIns(ctx context.Context) (err error) {
	if w.stands, err = process.FreeAddr(ctx); err != nil {
		return err
	}
	log := filepath.Join(w.config.Dir, "sandbox.log")
	args := []string{
		"sandbox", "--addr", w.stands, "--duplicate-email", "second",
		"--faults", fmt.Sprint(w.config.Faults), "--latency", w.config.Latency.String(), "--late-by", w.config.LateBy.String(), "--seed", fmt.Sprint(w.config.Seed),
	}
	w.sandbox, err = process.Start(log, nil, w.config.Binaries.Usher, append(args, w.config.instances()...)...)
	if err != nil {
		return err
	}
	return w.until(ctx, 0, "the stand-ins say where they are", func() bool {
		said, err := os.ReadFile(log)
		w.environ = nil
		for line := range strings.Lines(string(said)) {
			variable, exported := strings.CutPrefix(strings.TrimSpace(line), "export ")
			if setting, ok := w.config.setting(variable); exported && ok {
				w.environ = append(w.environ, strings.ReplaceAll(setting, "'", ""))
			}
		}
		return err == nil && strings.Contains(string(said), "export USHER_USERMOST_RATE") // the last one
	})
}

// control lets a vendor reject calls or be down for a while.
func (w *world) control(ctx context.Context, vendor, mode string, span time.Duration) error {
	url := fmt.Sprintf("http://%s/control/%s?mode=%s&for=%s", w.stands, vendor, mode, span)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusNoContent {
		return errors.Join(fmt.Errorf("control %s %s: status %d", vendor, mode, response.StatusCode), response.Body.Close())
	}
	return response.Body.Close()
}

// consumers reports whether all consumers of all vendors exist and idle reports true for each.
func (w *world) consumers(ctx context.Context, idle func(*jetstream.ConsumerInfo) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := w.js.Stream(ctx, w.config.Shape.events())
	if err != nil {
		return false
	}
	for _, vendor := range w.config.vendors() {
		for _, name := range w.config.consumers(vendor) {
			consumer, err := stream.Consumer(ctx, w.config.Shape.names().ConsumerPrefix+vendor+"-"+name)
			if err != nil || (idle != nil && !idle(consumer.CachedInfo())) {
				return false
			}
		}
	}
	return true
}

// settled waits until every event is registered. Waiting effects are in no consumer; see
// readComplete.
func (w *world) settled(ctx context.Context) error {
	return w.until(ctx, w.config.Limit, "every event is taken up", func() bool {
		return w.consumers(ctx, func(i *jetstream.ConsumerInfo) bool { return i.NumPending == 0 && i.NumAckPending == 0 })
	})
}

// graced waits until no later deletion of a disabled account is pending. A deletion that finds the
// account disabled begins the grace anew, and does not show in its result.
func (w *world) graced(ctx context.Context) error {
	bucket, err := w.js.KeyValue(ctx, w.config.Shape.names().Bucket(streams.AccountsBucket))
	if err != nil {
		return err
	}
	return w.until(ctx, w.config.Limit, "the later deletions are made", func() bool {
		keys, err := bucket.ListKeysFiltered(ctx, graces+".>")
		if err != nil {
			return false
		}
		pending := 0
		for key := range keys.Keys() {
			stored, err := bucket.Get(ctx, key)
			if err != nil {
				return false
			}
			var record struct {
				Form    int      `json:"effects"`
				Pending []string `json:"pending"`
			}
			if err := json.Unmarshal(stored.Value(), &record); err != nil || record.Form == 0 || len(record.Pending) > 0 {
				pending++
			}
		}
		return pending == 0
	})
}

// until waits until ok reports true. Returns an error if the sandbox ends.
func (w *world) until(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	wait := process.Wait{For: what, Limit: limit, Poll: 100 * time.Millisecond}
	if w.sandbox != nil {
		wait.Needs = []*process.Process{w.sandbox}
	}
	return wait.Until(ctx, ok)
}

// died returns the number of processes of usher serve that ended unexpectedly.
func (w *world) died() (n int) {
	for _, x := range w.workers {
		n += int(x.died.Load())
	}
	return n
}

// close ends all processes, the workers first.
func (w *world) close() error {
	var faults []error
	for _, x := range w.workers {
		faults = append(faults, x.close())
	}
	if w.nc != nil {
		w.nc.Close()
	}
	for _, n := range w.nodes {
		n.kill()
	}
	if w.sandbox != nil {
		w.sandbox.Kill()
	}
	return errors.Join(faults...)
}
