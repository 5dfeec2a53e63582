//go:build unix

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
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// senders post at a time.
const senders = 64

// rounds is the number of runs of each benchmark in turn, so that other load on the machine
// affects all of them.
const rounds = 5

// window is the duplicate window of the server, short so that its ids do not dominate the heap.
const window = 2 * time.Second

// load is one way to post events to one of the two servers.
type load struct {
	url   string
	batch int // events in a request; zero: one, not in a batch
}

// BenchmarkEndpoint posts events over HTTP with keep-alive, to the endpoint and to a bare handler
// that publishes the same bytes, and prints the ratios of each round: of events a second, and of
// processor time, which other programs disturb less. Both publish to one embedded server, which
// does not sync to disk. The clients run in the same process, so their work counts too.
func BenchmarkEndpoint(b *testing.B) {
	s := newBenchEnv(b)
	took := map[string][]figures{}
	for range rounds {
		for _, one := range []struct {
			name string
			load load
		}{{"bare", load{s.bare, 0}}, {"bare100", load{s.bare, 100}}, {"single", load{s.endpoint, 0}}, {"batch100", load{s.endpoint, 100}}} {
			var got figures
			b.Run(one.name, func(b *testing.B) { got = s.run(b, one.load) })
			took[one.name] = append(took[one.name], got)
		}
	}
	for _, pair := range [][2]string{{"single", "bare"}, {"batch100", "single"}, {"bare100", "bare"}, {"batch100", "bare100"}, {"bare100", "single"}} {
		var rates, times []float64
		for i, one := range took[pair[0]] {
			other := took[pair[1]][i]
			rates, times = append(rates, one.rate/other.rate), append(times, other.cpu/one.cpu)
		}
		fmt.Printf("%s, times %s: events a second %s, events per processor time %s\n", pair[0], pair[1], spread(rates), spread(times))
	}
}

// figures are the results of one run.
type figures struct {
	rate float64 // events a second
	cpu  float64 // microseconds of an event
}

// processTime returns the user and system time of this process.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// spread returns the median, the least and the most.
func spread(list []float64) string {
	m := median(list)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", m, list[0], list[len(list)-1])
}

// BenchmarkMemory reports the heap before and after the last run. With -benchtime 60s the last
// run takes a minute; shorter runs before are the warm-up.
func BenchmarkMemory(b *testing.B) {
	s := newBenchEnv(b)
	for name, l := range map[string]load{"single": {s.endpoint, 0}, "batch100": {s.endpoint, 100}} {
		b.Run(name, func(b *testing.B) {
			begun := heap()
			s.run(b, l)
			b.ReportMetric(begun, "MB-begin")
			b.ReportMetric(heap(), "MB-end")
		})
	}
}

// heap returns the megabytes in use after a garbage collection and the end of the duplicate window.
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

// benchEnv holds the servers and the client of a benchmark.
type benchEnv struct {
	bare, endpoint string // addresses
	client         *http.Client
	last           atomic.Int64 // id of an event
}

func newBenchEnv(b *testing.B) *benchEnv {
	b.Helper()
	nc := natstest.Connect(b, natstest.Start(b, natsconn.EmbeddedOptions{}))
	stored := streams.NewSet(natstest.Client(b, nc), streams.EventsStream)
	_, err := stored.Client.JetStream.CreateStream(b.Context(), jetstream.StreamConfig{Name: streams.EventsStream, Subjects: events.Types(), Duplicates: window})
	must(b, err)
	set, err := schemas.New()
	must(b, err)
	c := config()
	c.Rate = 1e9
	c.MaxBody = 1 << 20
	c.StoreTime = streams.CallTimeout
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	b.Cleanup(transport.CloseIdleConnections)
	return &benchEnv{
		bare:     listen(b, bare(stored.Client.JetStream)),
		endpoint: listen(b, ingest.New(c, ingest.Deps{Stream: stored.Events, Validate: set.Validate, Log: zerolog.Nop()})),
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

// bare publishes a body unchanged, under the id from the request, and answers once the server
// has stored the message. A batch is cut into messages of equal size, without reading.
func bare(js jetstream.JetStream) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		id := r.Header.Get(jetstream.MsgIDHeader)
		message := func(id string, data []byte) *nats.Msg {
			header := nats.Header{"Content-Type": {structured}, jetstream.MsgIDHeader: {id}}
			return &nats.Msg{Subject: "user.created", Header: header, Data: data}
		}
		var publications []jetstream.PubAckFuture
		if count, _ := strconv.Atoi(r.Header.Get("Count")); count == 0 && err == nil {
			_, err = js.PublishMsg(r.Context(), message(id, body))
		} else {
			size := len(body) / count
			for i := 0; i < count && err == nil; i++ {
				var p jetstream.PubAckFuture
				p, err = js.PublishMsgAsync(message(id+"-"+strconv.Itoa(i), body[i*size:(i+1)*size]))
				publications = append(publications, p)
			}
		}
		for _, p := range publications {
			if err != nil {
				break
			}
			select {
			case <-p.Ok():
			case err = <-p.Err():
			}
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// run posts the events of a benchmark.
func (e *benchEnv) run(b *testing.B, l load) figures {
	b.SetParallelism(max(1, senders/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	begun := processTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := e.post(b.Context(), l); err != nil {
				b.Error(err)
				return
			}
		}
	})
	count := float64(b.N * max(1, l.batch))
	got := figures{rate: count / b.Elapsed().Seconds(), cpu: (processTime(b) - begun).Seconds() * 1e6 / count}
	b.ReportMetric(got.rate, "events/s")
	b.ReportMetric(got.cpu, "cpu-µs/event")
	return got
}

func (e *benchEnv) post(ctx context.Context, l load) error {
	last := e.last.Add(int64(max(1, l.batch)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(body(last, l.batch)))
	if err != nil {
		return err
	}
	req.Header = http.Header{"Authorization": {bearer}, "Content-Type": {structured}, jetstream.MsgIDHeader: {"id-of-32-characters-" + strconv.FormatInt(1e12+last, 10)}}
	if l.batch > 0 {
		req.Header.Set("Content-Type", batch)
		req.Header.Set("Count", strconv.Itoa(l.batch)) // for the bare handler
	}
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	reply, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusAccepted {
		err = &refusedError{res.StatusCode, reply}
	}
	return err
}

// refusedError is an answer other than 202.
type refusedError struct {
	status int
	reply  []byte
}

func (e *refusedError) Error() string { return strconv.Itoa(e.status) + " " + string(e.reply) }

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
