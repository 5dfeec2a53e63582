package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// Startup is how long usher serve takes from the start of its process, with the
// embedded NATS server and an empty store, to the first vendor call: for an
// event that is posted as soon as /readyz says yes.
type Startup struct {
	MedianMS float64   `json:"median_ms"`
	ReadyMS  float64   `json:"ready_median_ms"` // to /readyz
	RunsMS   []float64 `json:"runs_ms"`
}

// Startup measures the start of usher serve, so many times.
func (c Config) Startup(ctx context.Context, rounds int) (Startup, error) {
	var out Startup
	var readies []float64
	for i := range rounds {
		c.say("start: round %d of %d", i+1, rounds)
		ready, called, err := c.startOnce(ctx)
		if err != nil {
			return out, fmt.Errorf("start: %w", err)
		}
		out.RunsMS, readies = append(out.RunsMS, ms(called)), append(readies, ms(ready))
	}
	out.MedianMS, out.ReadyMS = median(out.RunsMS), median(readies)
	return out, nil
}

func (c Config) startOnce(ctx context.Context) (ready, called time.Duration, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return 0, 0, err
	}
	s := &stage{config: c, plan: Plan{Load: loads[0], Concurrency: 16}, dir: dir}
	defer func() { err = errors.Join(err, s.close(), os.RemoveAll(dir)) }()
	if err := s.startVendor(ctx); err != nil {
		return 0, 0, err
	}
	addr, err := freeAddr(ctx)
	if err != nil {
		return 0, 0, err
	}
	environ := slices.DeleteFunc(s.environ(addr), func(v string) bool { return v == "USHER_NATS_URL=" })
	environ = append(environ, "USHER_NATS_EMBEDDED_DIR="+filepath.Join(dir, "store"))
	begun := time.Now()
	p, err := start(dir, "usher", environ, c.Program, "serve")
	if err != nil {
		return 0, 0, err
	}
	s.workers = []*worker{{process: p}}
	err = until(ctx, 20*time.Second, "usher serve is ready", func() bool {
		_, err := fetch(ctx, "http://"+addr+"/readyz")
		return err == nil
	}, p)
	if err != nil {
		return 0, 0, err
	}
	ready = time.Since(begun)
	if err := post(ctx, "http://"+addr+"/events"); err != nil {
		return 0, 0, err
	}
	var asked Asked
	err = until(ctx, 20*time.Second, "the vendor was called", func() bool {
		asked, err = s.asked(ctx)
		return err == nil && asked.Distinct > 0
	}, p)
	return ready, asked.First.Sub(begun), err
}

// post sends one activity to the HTTP endpoint.
func post(ctx context.Context, url string) error {
	e, err := loads[0].event(0, time.Now())
	if err != nil {
		return err
	}
	_, payload, err := events.ToNATS(e)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/cloudevents+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("post an event: status %d", response.StatusCode)
	}
	return errors.Join(err, response.Body.Close())
}
