package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// timeLayout formats the part of a time that all vendors format alike.
const timeLayout = "2006-01-02T15:04:05"

// replay makes the recorded calls of one vendor.
type replay struct {
	host   string
	client *http.Client
	calls  map[int][]call // by step

	mu  sync.Mutex
	ids map[string][]string // ids from the vendor, by user
}

func newReplay(vendor string, calls []call, o BareOptions) *replay {
	r := &replay{host: "http://" + o.Vendors, calls: map[int][]call{}, ids: map[string][]string{}, client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConns: o.Concurrency, MaxIdleConnsPerHost: o.Concurrency, DisableCompression: true},
	}}
	for _, c := range calls {
		if c.Vendor == vendor {
			r.calls[c.Step] = append(r.calls[c.Step], c)
		}
	}
	return r
}

// step makes the calls of a step with values for the placeholders. The caller handles the events
// of a user one by one.
func (r *replay) step(ctx context.Context, step int, values map[string]string) error {
	user := values["user"]
	r.mu.Lock()
	ids := r.ids[user]
	r.mu.Unlock()
	for i, id := range ids {
		values[strconv.Itoa(i)] = id
	}
	for _, c := range r.calls[step] {
		answer, err := r.do(ctx, c, func(name string) string { return values[name] })
		if err != nil {
			return err
		}
		if c.TakesID {
			id := firstID(answer)
			values[strconv.Itoa(len(ids))], ids = id, append(ids, id)
			r.mu.Lock()
			r.ids[user] = ids
			r.mu.Unlock()
		}
	}
	return nil
}

// do makes a call and returns the answer. do reads the whole answer, so that the connection is
// reused.
func (r *replay) do(ctx context.Context, c call, value func(name string) string) (string, error) {
	url := os.Expand(c.URL, value)
	request, err := http.NewRequestWithContext(ctx, c.Method, r.host+url, strings.NewReader(os.Expand(c.Body, value)))
	if err != nil {
		return "", err
	}
	for name, text := range c.Header {
		request.Header[name] = []string{os.Expand(text, value)}
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != c.Status {
		err = fmt.Errorf("%s %s: status %d, but recorded status %d", c.Method, url, answer.StatusCode, c.Status)
	}
	return string(text), err
}
