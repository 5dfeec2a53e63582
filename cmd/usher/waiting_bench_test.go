package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// BenchmarkAFreshEvent measures how long a new user takes from the publication of
// the event to its result at one vendor, with so many effects of other users
// that wait there: enrolments of users whom nobody has created.
func BenchmarkAFreshEvent(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) { freshBehind(b, waiting) })
	}
}

func freshBehind(b *testing.B, waiting int) {
	w := newWorld(b)
	w.environ = append(w.environ, "USHER_WORKER_PREREQUISITE_WAIT=1h", "USHER_LOG_LEVEL=error")
	w.serve()
	nc, err := nats.Connect(w.nats)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	for i := range waiting {
		e := cloudEvent(events.EnrollmentRequested, fmt.Sprint("early-", i), fmt.Sprintf(`{"user_id":"early%d","course_id":"go-basics","vendor":"miestro"}`, i))
		if _, err := js.Publish(b.Context(), events.EnrollmentRequested, []byte(e)); err != nil {
			b.Fatal(err)
		}
	}
	w.until("they all wait", func() bool {
		s, _ := w.standing()
		return at(s, "miestro").Pending == 0 && at(s, "miestro").Waiting >= waiting
	})
	results, err := nc.SubscribeSync(events.ResultSubject("user.provisioned", "miestro"))
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	b.ResetTimer()
	for n := range b.N {
		begun := time.Now()
		e := cloudEvent(events.UserCreated, fmt.Sprint("fresh-", n), fmt.Sprintf(`{"user_id":"fresh%d","email":"fresh%d@example.org"}`, n, n))
		if err := nc.Publish(events.UserCreated, []byte(e)); err != nil {
			b.Fatal(err)
		}
		m, err := results.NextMsg(time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if !strings.Contains(string(m.Data), fmt.Sprintf("fresh-%d\"", n)) {
			b.Fatalf("got %s, want the result of the event just sent", m.Data)
		}
		took = append(took, time.Since(begun))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
	w.end()
}
