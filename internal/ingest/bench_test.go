package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/schemas"
)

// senders post at a time.
const senders = 64

// rounds is how often the benchmarks take turns: what else a machine does then
// falls on all alike.
const rounds = 5

// window is short, so that the ids which the server keeps in this process for the
// sake of duplicates do not grow with the length of a run.
const window = 2 * time.Second

// load is one way to post events, to one server or the other.
type load struct {
	url   string
	batch int // events in a request; zero: one, not in a batch
}

// BenchmarkEndpoint posts events over HTTP with keep-alive, to the endpoint and to
// a bare handler that publishes the same bytes, and says how they compare. Both
// publish to one embedded server that does not wait for the disk. The clients
// run in this process, too.
func BenchmarkEndpoint(b *testing.B) {
	s := newStage(b)
	took := map[string][]float64{}
	for range rounds {
		for _, one := range []struct {
			name string
			load load
		}{{"bare", load{s.bare, 0}}, {"single", load{s.endpoint, 0}}, {"batch100", load{s.endpoint, 100}}} {
			var rate float64
			b.Run(one.name, func(b *testing.B) { rate = s.run(b, one.load) })
			took[one.name] = append(took[one.name], rate)
		}
	}
	bare := median(took["bare"])
	single := median(took["single"])
	batch := median(took["batch100"])
	fmt.Printf("medians: single is %.2f of bare; batches of 100 are %.1f times single\n", single/bare, batch/single)
}

// BenchmarkMemory tells what the heap holds before the last run and after it. With
// -benchtime 60s that run takes a minute, and the shorter ones before it warm up.
func BenchmarkMemory(b *testing.B) {
	s := newStage(b)
	for name, l := range map[string]load{"single": {s.endpoint, 0}, "batch100": {s.endpoint, 100}} {
		b.Run(name, func(b *testing.B) {
			begun := heap()
			s.run(b, l)
			b.ReportMetric(begun, "MB-begin")
			b.ReportMetric(heap(), "MB-end")
		})
	}
}

// heap is how many megabytes are in use once the garbage is gone, and the ids of
// the duplicate window as well.
func heap() float64 {
	time.Sleep(2 * window)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// stage is all that a benchmark needs.
type stage struct {
	bare, endpoint string // where they answer
	client         *http.Client
	last           atomic.Int64 // id of an event
}

func newStage(b *testing.B) *stage {
	b.Helper()
	nc := natstest.Connect(b, natstest.Start(b, bus.EmbeddedOptions{}))
	streams, err := bus.New(nc, bus.Layout{Events: bus.EventsStream})
	must(b, err)
	_, err = streams.JetStream().CreateStream(b.Context(), jetstream.StreamConfig{Name: bus.EventsStream, Subjects: events.Types(), Duplicates: window})
	must(b, err)
	set, err := schemas.New()
	must(b, err)
	c := config()
	c.Rate = 1e9
	c.MaxBody = 1 << 20
	c.StoreTime = bus.CallTimeout
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	b.Cleanup(transport.CloseIdleConnections)
	return &stage{
		bare:     listen(b, bare(streams.JetStream())),
		endpoint: listen(b, ingest.New(c, ingest.Deps{Stream: streams, Validate: set.Validate, Log: zerolog.Nop()})),
		client:   &http.Client{Transport: transport},
	}
}

// listen serves h until the benchmark ends, and returns its address.
func listen(b *testing.B, h http.Handler) string {
	ctx, cancel := context.WithCancel(context.Background())
	l, err := ingest.Listen(ctx, "127.0.0.1:0")
	must(b, err)
	ended := make(chan error, 1)
	limits := ingest.ServerConfig{Header: 10 * time.Second, Slow: 30 * time.Second, Idle: 2 * time.Minute, Grace: time.Second}
	go func() { ended <- ingest.Serve(ctx, l, limits, h, zerolog.Nop()) }()
	b.Cleanup(func() {
		cancel()
		must(b, <-ended)
	})
	return "http://" + l.Addr().String() + "/events"
}

// bare publishes a body as it comes, under the id that the request gives, and
// answers once the server has stored it.
func bare(js jetstream.JetStream) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			header := nats.Header{"Content-Type": r.Header["Content-Type"], jetstream.MsgIDHeader: r.Header[jetstream.MsgIDHeader]}
			_, err = js.PublishMsg(r.Context(), &nats.Msg{Subject: "user.created", Header: header, Data: body})
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// run posts events until the benchmark has enough, and returns how many were
// stored a second.
func (s *stage) run(b *testing.B, l load) float64 {
	b.SetParallelism(max(1, senders/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.post(b.Context(), l); err != nil {
				b.Error(err)
				return
			}
		}
	})
	rate := float64(b.N*max(1, l.batch)) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "events/s")
	return rate
}

func (s *stage) post(ctx context.Context, l load) error {
	last := s.last.Add(int64(max(1, l.batch)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body(last, l.batch)))
	if err != nil {
		return err
	}
	req.Header = http.Header{"Authorization": {bearer}, "Content-Type": {structured}, jetstream.MsgIDHeader: {"id-of-32-characters-" + strconv.FormatInt(1e12+last, 10)}}
	if l.batch > 0 {
		req.Header.Set("Content-Type", batch)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusAccepted {
		err = &refusedError{res.StatusCode, said}
	}
	return err
}

// refusedError is an answer other than 202.
type refusedError struct {
	status int
	said   []byte
}

func (e *refusedError) Error() string { return strconv.Itoa(e.status) + " " + string(e.said) }

// body is a batch of the events up to the last, or the last alone.
func body(last int64, batch int) []byte {
	if batch == 0 {
		return appendEvent(nil, last)
	}
	text := append(make([]byte, 0, batch*600), '[')
	for i := range batch {
		text = append(appendEvent(text, last-int64(i)), ',')
	}
	text[len(text)-1] = ']'
	return text
}

func appendEvent(to []byte, id int64) []byte {
	to = strconv.AppendInt(append(to, `{"specversion":"1.0","id":"`...), id, 10)
	return append(to, `","source":"https://id.example.org/users","type":"user.created","subject":"ada","time":"2026-03-01T09:30:00Z",`+
		`"datacontenttype":"application/json","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",`+
		`"data":{"user_id":"ada","email":"ada@example.org","first_name":"Ada","last_name":"Lovelace","locale":"en-GB",`+
		`"time_zone":"Europe/London","attributes":{"class":"5b","year":2026}}}`...)
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
