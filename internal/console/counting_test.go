package console

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// flood stores results at two vendors, in batches: each tenth failed, each fourth was skipped.
func flood(t *testing.T, s *streams.Set, from, to int) {
	t.Helper()
	const batch = 500
	for ; from < to; from += batch {
		for i := from; i < from+batch; i++ {
			outcome := events.Done
			switch {
			case i%10 == 0:
				outcome = events.Failed
			case i%4 == 1:
				outcome = events.Superseded
			}
			subject := s.Client.Names.Result(events.ResultType(events.UserCreated, outcome), []string{"lead", "miestro"}[i%2])
			if _, err := s.Client.JetStream.PublishAsync(subject, []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-s.Client.JetStream.PublishAsyncComplete():
		case <-time.After(natstest.Patience):
			t.Fatal("the results are not stored")
		}
	}
}

// follow runs a follower over a stream with these counts.
func follow(t *testing.T, s *streams.Set, c *counts) (stop func()) {
	t.Helper()
	service := ops.New(ops.Deps{Streams: s, Config: config.Default()})
	f := newFollower(Deps{Service: func() *ops.Service { return service }, Log: zerolog.Nop()}, c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.tail(ctx) }()
	return func() { cancel(); <-done }
}

// awaitCounts waits for the counts of both vendors in the hour and in the day.
func awaitCounts(t *testing.T, c *counts, want map[string]count) {
	t.Helper()
	var wrong string
	for end := time.Now().Add(natstest.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		wrong = ""
		for _, w := range []window{hour, day} {
			for vendor, n := range want {
				if in := c.in(vendor, w, time.Now()); !in.Known || in.count != n {
					wrong += fmt.Sprintf("%s %s: %+v, want %+v\n", w.Name, vendor, in, n)
				}
			}
		}
		if wrong == "" {
			return
		}
	}
	t.Fatal(wrong)
}

// TestCountsAreExact counts 20,000 results: by a process that follows from the start, by a second
// process, by one that is new, and by a follower that comes later.
func TestCountsAreExact(t *testing.T) {
	t.Parallel()
	s := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	first, second := newCounts(), newCounts()
	stop := follow(t, s, first)
	awaitCounts(t, first, map[string]count{"lead": {}})
	flood(t, s, 0, 10_000)
	defer follow(t, s, second)()
	half := map[string]count{"lead": {5000, 1000, 0}, "miestro": {5000, 0, 2500}}
	awaitCounts(t, first, half)
	awaitCounts(t, second, half)
	stop()
	flood(t, s, 10_000, 20_000)
	all := map[string]count{"lead": {10_000, 2000, 0}, "miestro": {10_000, 0, 5000}}
	awaitCounts(t, second, all)
	defer follow(t, s, first)() // the same process, with a viewer again
	fresh := newCounts()
	defer follow(t, s, fresh)()
	awaitCounts(t, first, all)
	awaitCounts(t, fresh, all)
}

func TestGapsAreReported(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	anHour := now.Add(-61 * time.Minute)
	for name, c := range map[string]struct {
		counts *counts
		window window
		known  bool
		want   string
	}{
		"nothing is counted yet":      {&counts{}, fiveMinutes, false, "The results of the last 5 minutes are being counted."},
		"the hour is counted":         {&counts{covered: anHour}, hour, true, ""},
		"the day is not":              {&counts{covered: anHour}, day, false, "The results of the last day are being counted."},
		"too many":                    {&counts{covered: anHour, tooMany: true}, day, false, "Not counted: there were more than 3\u202f000\u202f000 results. Choose a shorter time, or look at the metrics."},
		"kept for less than the day":  {&counts{covered: now.Add(-25 * time.Hour), kept: now.Add(-2 * time.Hour)}, day, true, "Older results are not kept: the counts begin at 2023-11-14 20:13:20 UTC."},
		"kept for more than the hour": {&counts{covered: now.Add(-25 * time.Hour), kept: now.Add(-2 * time.Hour)}, hour, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.counts.vendors = map[string]*series{}
			if got := c.counts.gap(c.window, now); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := c.counts.in("lead", c.window, now); got.Known != c.known {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSeriesAreBounded(t *testing.T) {
	c := newCounts()
	for i := range 2 * maxSeries {
		c.add(streams.ResultHeader{Vendor: fmt.Sprint("v", i), Type: "user.provisioned", At: time.Now()})
	}
	if len(c.vendors) != maxSeries {
		t.Errorf("got %d series", len(c.vendors))
	}
}
