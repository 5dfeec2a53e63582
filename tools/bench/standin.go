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

// reportPath is where the stand-in tells what it was asked.
const reportPath = "/bench/report"

// Asked is what the vendors were asked in a run, as they tell it. Activities
// that the contestant warmed up with do not count for the waits.
type Asked struct {
	Calls     int           `json:"calls"`
	First     time.Time     `json:"first"`     // when the first call came
	Distinct  int           `json:"distinct"`  // activities that came, each vendor's by itself
	Twice     int           `json:"twice"`     // calls with an activity that had come before
	Strange   int           `json:"strange"`   // calls with no activity of ours
	WaitP50   time.Duration `json:"wait_p50"`  // from the publication of an activity to its first call
	WaitP99   time.Duration `json:"wait_p99"`  // the same of the slowest hundredth
	Lifecycle bool          `json:"lifecycle"` // whether the sandbox stands in, which knows more
}

// StandIn stands in for the vendors. For activity it answers at once; where
// there are users to be known it is the sandbox.
type StandIn struct {
	delay time.Duration
	next  http.Handler // nil: activity alone

	mu    sync.Mutex
	asked Asked
	seen  map[string][]bool // by vendor and event
	waits []time.Duration
}

// ServeVendors serves a stand-in on addr until ctx ends.
func ServeVendors(ctx context.Context, addr string, delay time.Duration, lifecycle bool) error {
	stands, err := NewStandIn(delay, lifecycle)
	if err != nil {
		return err
	}
	return serve(ctx, addr, stands)
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

// NewStandIn returns the stand-in whose every answer comes late by delay.
func NewStandIn(delay time.Duration, lifecycle bool) (*StandIn, error) {
	s := &StandIn{delay: delay, seen: map[string][]bool{}}
	if !lifecycle {
		return s, nil
	}
	stands, err := sandbox.New(sandbox.Config{})
	if err != nil {
		return nil, err
	}
	s.next, s.asked.Lifecycle = stands.Handler(), true
	return s, nil
}

// ServeHTTP answers a call of a vendor's, or tells what was asked.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	vendor, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.note(vendor, body, came)
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

// note counts a call.
func (s *StandIn) note(vendor string, body []byte, came time.Time) {
	seq, numbered := inside(body, `"seq":"`)
	sent, timed := inside(body, `"sent":"`)
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

// inside is the number that stands in the text behind name.
func inside(text []byte, name string) (int64, bool) {
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

func (s *StandIn) report() Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.asked
	waits := slices.Sorted(slices.Values(s.waits))
	out.WaitP50, out.WaitP99 = quantile(waits, 0.5), quantile(waits, 0.99)
	return out
}

// startVendor starts the stand-in of a run.
func (s *stage) startVendor(ctx context.Context) (err error) {
	if s.stands, err = process.FreeAddr(ctx); err != nil {
		return err
	}
	args := []string{"part", "vendor", "--addr", s.stands, "--delay", s.plan.Delay.String()}
	if s.plan.Load.Lifecycle {
		args = append(args, "--lifecycle")
	}
	if s.vendor, err = process.Start(s.log("vendor"), nil, s.config.Self, args...); err != nil {
		return err
	}
	return answers(ctx, "the vendors' stand-in", func() error {
		_, err := s.asked(ctx)
		return err
	}, s.vendor)
}

// asked fetches what the vendors were asked.
func (s *stage) asked(ctx context.Context) (a Asked, err error) {
	return a, process.GetJSON(ctx, "http://"+s.stands+reportPath, &a)
}
