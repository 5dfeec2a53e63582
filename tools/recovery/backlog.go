package recovery

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
)

// BacklogReport are the starts of usher serve with few and with many events in EVENTS.
type BacklogReport struct {
	Events     int
	Few, Many  []Start
	PublishFor time.Duration
	Faults     []string
}

// Start is one start of usher serve.
type Start struct {
	Took   time.Duration // from the start of the process to the first new effect
	Memory int64         // of the process then, in bytes
}

// headerID is the header of the id of a CloudEvent.
const headerID = "ce-id"

// startWithin is the longest time from the start of usher serve to the first new effect.
const startWithin = time.Second

// String returns the report as a line.
func (r *BacklogReport) String() string {
	few, many := median(r.Few), median(r.Many)
	return fmt.Sprintf("start of serve to the first new effect: %s with an empty stream, %s (at most %s) with %d events behind an effect that waits, ratio %.2f; memory %d MB and %d MB",
		few.Took.Round(time.Millisecond), many.Took.Round(time.Millisecond), longest(r.Many).Round(time.Millisecond), r.Events,
		many.Took.Seconds()/few.Took.Seconds(), few.Memory>>20, many.Memory>>20)
}

// median returns the medians of the times and of the memory.
func median(list []Start) (m Start) {
	var times []time.Duration
	var memory []int64
	for _, s := range list {
		times, memory = append(times, s.Took), append(memory, s.Memory)
	}
	slices.Sort(times)
	slices.Sort(memory)
	if n := len(list); n > 0 {
		m = Start{Took: times[n/2], Memory: memory[n/2]}
	}
	return m
}

func longest(list []Start) (most time.Duration) {
	for _, s := range list {
		most = max(most, s.Took)
	}
	return most
}

// Backlog measures the start of usher serve while an enrolment waits for a day, before and after
// many later events were done. One event in a hundred is a creation; the others are enrolments in
// a course that the vendor does not have.
func Backlog(ctx context.Context, c Config) (r *BacklogReport, err error) {
	r = &BacklogReport{Events: pick(c, 1_000_000, 20_000)}
	t, err := newTrial(ctx, c, "miestro", "USHER_MIESTRO_RATE=0", "USHER_WORKER_PREREQUISITE_WAIT=24h")
	defer func() { err = t.end(r.Faults, err) }()
	if err != nil {
		return r, err
	}
	worker, err := t.serve(ctx)
	if err != nil {
		return r, err
	}
	t.Writer.Enroll(t.user("late-"), "algebra")
	if err := t.send(ctx); err != nil {
		return r, err
	}
	t.sent[0].open = true // for a day
	if err := t.isTakenUp(ctx); err != nil {
		return r, err
	}
	if r.Few, err = t.starts(ctx, c, worker); err != nil {
		return r, err
	}
	return r, t.many(ctx, c, r)
}

// many publishes the events, and measures again.
func (t *trial) many(ctx context.Context, c Config, r *BacklogReport) error {
	worker, err := t.serve(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := t.enrolMany(ctx, r.Events); err != nil {
		return err
	}
	r.PublishFor = time.Since(begun)
	if err := t.isTakenUp(ctx); err != nil {
		return err
	}
	if r.Many, err = t.starts(ctx, c, worker); err != nil {
		return err
	}
	if most := longest(r.Many); c.Full && most > startWithin {
		r.Faults = append(r.Faults, fmt.Sprintf("a start took %s, want %s at most", most, startWithin))
	}
	if few, many := median(r.Few), median(r.Many); many.Took > 10*few.Took || many.Memory > 2*few.Memory {
		r.Faults = append(r.Faults, fmt.Sprintf("with many events a start takes %s and %d bytes, without %s and %d", many.Took, many.Memory, few.Took, few.Memory))
	}
	stuck, err := t.settle(ctx)
	if err != nil {
		return err
	}
	faults, err := t.judge(ctx, stuck)
	r.Faults = append(r.Faults, faults...)
	return err
}

// isTakenUp waits until the vendor's committed position is behind all events.
func (t *trial) isTakenUp(ctx context.Context) error {
	return t.Until(ctx, 20*time.Minute, "all events are taken up", func() bool {
		lag, err := t.JS.Consumer(ctx, eventsStream, "usher-"+t.vendor+"-lifecycle")
		if err != nil {
			return false
		}
		waiting, err := t.JS.Consumer(ctx, timersStream, "usher-"+t.vendor+"-waiting")
		return err == nil && lag.CachedInfo().NumPending == 0 && waiting.CachedInfo().NumPending > 0
	})
}

// starts stops a process, and starts further processes one after the other.
func (t *trial) starts(ctx context.Context, c Config, running *environment.Worker) (list []Start, err error) {
	for range pick(c, 5, 2) {
		if err := running.Stop(time.Minute); err != nil {
			return list, err
		}
		t.Writer.Create(t.user(well))
		if err := t.send(ctx); err != nil {
			return list, err
		}
		created := t.sent[len(t.sent)-1:]
		begun := time.Now()
		if running, err = t.serve(ctx); err != nil {
			return list, err
		}
		if err := t.Until(ctx, 0, "the first effect is done", func() bool { return !t.last(created).IsZero() }); err != nil {
			return list, err
		}
		process.Sleep(ctx, time.Second)
		now, _ := running.Memory()
		list = append(list, Start{Took: t.last(created).Sub(begun), Memory: now})
	}
	return list, running.Stop(time.Minute)
}

// enrolMany publishes enrolments of many users in a course that the vendor does not have, and a
// creation for each hundred.
func (t *trial) enrolMany(ctx context.Context, n int) error {
	const placeholder, chunk = "user-of-many", 10_000
	var w scenario.Writer
	w.Enroll(&scenario.User{ID: placeholder, Email: placeholder + "@example.org"}, "drama")
	m, err := scenario.Publication{Event: w.Events[0], Repeat: true}.Message()
	if err != nil {
		return err
	}
	for i := range n {
		one := &nats.Msg{Subject: m.Subject, Header: nats.Header{}, Data: []byte(strings.ReplaceAll(string(m.Data), placeholder, fmt.Sprint("many-", i)))}
		for name, values := range m.Header {
			one.Header[name] = values
		}
		one.Header.Set(headerID, fmt.Sprint("many-", i))
		if _, err := t.JS.PublishMsgAsync(one, jetstream.WithStallWait(time.Minute)); err != nil {
			return err
		}
		if i%100 == 0 {
			t.Writer.Create(t.user(well))
		}
		if i%chunk == chunk-1 || i == n-1 {
			if err := t.send(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
