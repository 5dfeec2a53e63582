package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// reportPath is the path of the report of the fake vendors.
const reportPath = "/bench/report"

// Asked counts the calls of vendors in a run. The waits do not include the warm-up.
type Asked struct {
	Calls     int           `json:"calls"`
	First     time.Time     `json:"first"`     // time of the first call
	Distinct  int           `json:"distinct"`  // distinct activities, counted by vendor
	Twice     int           `json:"twice"`     // calls with a repeated activity
	Strange   int           `json:"strange"`   // calls without an activity of the bench
	WaitP50   time.Duration `json:"wait_p50"`  // from the publication of an activity to the first call
	WaitP99   time.Duration `json:"wait_p99"`  // 99th percentile of the same
	Lifecycle bool          `json:"lifecycle"` // whether the sandbox simulates the vendors
}

// FakeVendors counts and answers calls of vendors. Calls for activity get a fixed answer; with
// lifecycle the sandbox answers.
type FakeVendors struct {
	delay time.Duration
	next  http.Handler // the sandbox; nil: only activity

	mu    sync.Mutex
	asked Asked
	seen  map[string][]bool // by vendor and event
	waits []time.Duration
}

// ServeVendors serves fake vendors on addr until ctx ends.
func ServeVendors(ctx context.Context, addr string, delay time.Duration, lifecycle bool) error {
	vendors, err := NewFakeVendors(delay, lifecycle)
	if err != nil {
		return err
	}
	return serve(ctx, addr, vendors)
}

// serve serves HTTP on addr until ctx ends.
func serve(ctx context.Context, addr string, handler http.Handler) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: handler}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// NewFakeVendors returns fake vendors that delay every answer.
func NewFakeVendors(delay time.Duration, lifecycle bool) (*FakeVendors, error) {
	s := &FakeVendors{delay: delay, seen: map[string][]bool{}}
	if !lifecycle {
		return s, nil
	}
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		return nil, err
	}
	s.next = box.Handler()
	s.asked.Lifecycle = true
	return s, nil
}

// ServeHTTP answers a call of a vendor, or a request for the report.
func (s *FakeVendors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	switch {
	case r.URL.Path == reportPath:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.report())
		return
	case s.next != nil && r.URL.Path == "/state":
		s.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "read body", http.StatusBadRequest)
		return
	}
	vendor, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.count(vendor, body, came)
	if !process.Sleep(r.Context(), s.delay) {
		return
	}
	if s.next != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if vendor == "usermost" {
		_, _ = io.WriteString(w, `{"response":{"data":{},"message":"success","status":"success"}}`)
		return
	}
	_, _ = io.WriteString(w, `{"status":"ok"}`)
}

// count counts a call.
func (s *FakeVendors) count(vendor string, body []byte, came time.Time) {
	seq, numbered := numberAfter(body, `"seq":"`)
	sent, timed := numberAfter(body, `"sent":"`)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked.Calls++
	if s.asked.Calls == 1 {
		s.asked.First = came
	}
	if !numbered || !timed || seq < 0 || seq > 1<<30 {
		s.asked.Strange++
		return
	}
	list := s.seen[vendor]
	for int(seq) >= len(list) {
		list = append(list, make([]bool, max(1024, len(list)))...)
	}
	s.seen[vendor] = list
	if list[seq] {
		s.asked.Twice++
		return
	}
	list[seq] = true
	s.asked.Distinct++
	if seq >= warmUp {
		s.waits = append(s.waits, came.Sub(time.Unix(0, sent)))
	}
}

// numberAfter returns the number behind name in a text.
func numberAfter(text []byte, name string) (int64, bool) {
	_, rest, ok := bytes.Cut(text, []byte(name))
	if !ok {
		return 0, false
	}
	digits, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}

func (s *FakeVendors) report() Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	waits := slices.Sorted(slices.Values(s.waits))
	out.WaitP50, out.WaitP99 = quantile(waits, 0.5), quantile(waits, 0.99)
	return out
}

// startVendor starts the fake vendors of a run.
func (s *env) startVendor(ctx context.Context) (err error) {
	if s.vendorAddr, err = process.FreeAddr(ctx); err != nil {
		return err
	}
	args := []string{"part", "vendor", "--addr", s.vendorAddr, "--delay", s.plan.Delay.String()}
	if s.plan.Load.Lifecycle {
		args = append(args, "--lifecycle")
	}
	if s.vendor, err = process.Start(s.log("vendor"), nil, s.config.Self, args...); err != nil {
		return err
	}
	return answers(ctx, "the fake vendors", func() error {
		_, err := s.asked(ctx)
		return err
	}, s.vendor)
}

// asked fetches the report of the fake vendors.
func (s *env) asked(ctx context.Context) (Asked, error) {
	var a Asked
	err := process.GetJSON(ctx, "http://"+s.vendorAddr+reportPath, &a)
	return a, err
}
