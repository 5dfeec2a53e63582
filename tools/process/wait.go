package process

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Wait is a condition to wait for.
type Wait struct {
	For   string        // the condition in words
	Limit time.Duration // default 2 minutes
	Poll  time.Duration // the time between two checks; default 5ms
	Needs []*Process    // the end of any of these processes fails the wait
}

// Until waits until ok reports true. Returns an error after the limit, at the end of a needed
// process, or at the end of ctx.
func (w Wait) Until(ctx context.Context, ok func() bool) error {
	limit := cmp.Or(w.Limit, 2*time.Minute)
	for deadline := time.Now().Add(limit); !ok(); {
		for _, p := range w.Needs {
			if p.Ended() {
				return p.DiedError()
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("condition not met after %s: %s", limit, w.For)
		}
		if !Sleep(ctx, cmp.Or(w.Poll, 5*time.Millisecond)) {
			return ctx.Err()
		}
	}
	return nil
}

// Sleep waits for d. Sleep returns false if ctx ends before.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// FreeAddr returns a loopback address without a listener.
func FreeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// GetJSON decodes the answer to a GET request.
func GetJSON(ctx context.Context, url string, into any) error {
	text, err := Get(ctx, url)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Get returns the body of the answer to a GET request. A status other than 200 is an error, and so is no
// answer within 30 seconds, or before the deadline of ctx.
func Get(ctx context.Context, url string) ([]byte, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: status %d, want 200", url, response.StatusCode)
	}
	return io.ReadAll(response.Body)
}
