package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/process"
)

// Startup holds the time from the start of usher serve, with the embedded NATS server and an empty
// store, to the first vendor call. The event is posted as soon as /readyz is ready.
type Startup struct {
	MedianMS float64   `json:"median_ms"`
	ReadyMS  float64   `json:"ready_median_ms"` // until /readyz is ready
	RunsMS   []float64 `json:"runs_ms"`
}

// Startup measures the start of usher serve in several rounds.
func (c Config) Startup(ctx context.Context, rounds int) (Startup, error) {
	var out Startup
	var readies []float64
	for i := range rounds {
		c.progress("start: round %d of %d", i+1, rounds)
		ready, called, err := c.startOnce(ctx)
		if err != nil {
			return out, fmt.Errorf("start: %w", err)
		}
		out.RunsMS, readies = append(out.RunsMS, ms(called)), append(readies, ms(ready))
	}
	out.MedianMS, out.ReadyMS = median(out.RunsMS), median(readies)
	return out, nil
}

func (c Config) startOnce(ctx context.Context) (ready, first time.Duration, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return 0, 0, err
	}
	s := &env{config: c, plan: Plan{Load: loads[0], Concurrency: 16}, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := s.startVendor(ctx); err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	addr, err := s.startEmbedded(ctx)
	if err != nil {
		return 0, 0, err
	}
	ready = time.Since(begun)
	p := s.workers[0].Process
	e, err := loads[0].event(0, time.Now())
	if err != nil {
		return 0, 0, err
	}
	if err := post(ctx, "http://"+addr+"/events", e); err != nil {
		return 0, 0, err
	}
	var asked Asked
	called := process.Wait{For: "the vendor was called", Needs: []*process.Process{p}}
	err = called.Until(ctx, func() bool {
		asked, err = s.asked(ctx)
		return err == nil && asked.Distinct > 0
	})
	return ready, asked.First.Sub(begun), err
}

// startEmbedded starts usher serve with the embedded NATS server as the only worker, waits until it is
// ready, and returns its address.
func (s *env) startEmbedded(ctx context.Context) (addr string, err error) {
	if addr, err = process.FreeAddr(ctx); err != nil {
		return "", err
	}
	environ := slices.DeleteFunc(s.environ(addr), func(v string) bool { return v == "USHER_NATS_URL=" })
	environ = append(environ, "USHER_NATS_EMBEDDED_DIR="+s.store())
	p, err := process.Start(s.log("usher"), environ, s.config.Usher, "serve")
	if err != nil {
		return "", err
	}
	s.workers = []*worker{{Process: p}}
	return addr, answers(ctx, "usher serve", func() error {
		_, err := process.Get(ctx, "http://"+addr+"/readyz")
		return err
	}, p)
}

// store is the directory of the embedded NATS server.
func (s *env) store() string { return filepath.Join(s.dir, "store") }

// post sends a batch of events to the HTTP endpoint.
func post(ctx context.Context, url string, batch ...events.Event) error {
	list := make([]json.RawMessage, len(batch))
	for i, e := range batch {
		_, payload, err := events.ToNATS(e)
		if err != nil {
			return err
		}
		list[i] = payload
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/cloudevents-batch+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("post event to %s: status %d, want 202", url, response.StatusCode)
	}
	return errors.Join(err, response.Body.Close())
}
