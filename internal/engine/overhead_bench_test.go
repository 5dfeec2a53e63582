//go:build unix

package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/telemetry"
	"github.com/usherhq/usher/vendors/usermost"
)

// BenchmarkOverhead measures what telling costs: the log in JSON to a file and all
// metrics, scraped every second, against neither. Each iteration works off the
// same events at a vendor without delay twice, once so and once so, the other way
// round each time. speed-ratio is the median of the throughputs' ratios; cpu-ratio
// that of the processor times, which says the same with less noise on a machine
// that is shared. NATS and the vendor are in the process, and count.
func BenchmarkOverhead(b *testing.B) {
	b.Run("activity", func(b *testing.B) {
		overhead(b, events.ActivityTracked, `{"user_id":"u%d","name":"lesson_viewed","properties":{"minutes":12}}`)
	})
	b.Run("lifecycle", func(b *testing.B) {
		overhead(b, events.UserCreated, `{"user_id":"u%d","email":"u%[1]d@example.org","first_name":"Ada","last_name":"Lee"}`)
	})
}

func overhead(b *testing.B, kind, data string) {
	const load = 6000 // events: some two seconds' work
	vendor := quickUsermost(b)
	var speeds, silents, speedRatios, cpuRatios []float64
	for n := range b.N {
		var measured, silent pass
		if n%2 == 0 {
			measured = newPlant(b, vendor, true).workOff(kind, data, load)
		}
		silent = newPlant(b, vendor, false).workOff(kind, data, load)
		if n%2 != 0 {
			measured = newPlant(b, vendor, true).workOff(kind, data, load)
		}
		speeds, silents = append(speeds, measured.speed), append(silents, silent.speed)
		speedRatios = append(speedRatios, measured.speed/silent.speed)
		cpuRatios = append(cpuRatios, measured.cpu/silent.cpu)
		b.Logf("round %d: measured %.0f events a second, silent %.0f: ratio %.3f; of processor time %.3f", n, measured.speed, silent.speed, speedRatios[n], cpuRatios[n])
	}
	b.ReportMetric(median(speeds), "measured/s")
	b.ReportMetric(median(silents), "silent/s")
	b.ReportMetric(median(speedRatios), "speed-ratio")
	b.ReportMetric(median(cpuRatios), "cpu-ratio")
}

// pass is what it took to work the events off.
type pass struct {
	speed float64 // results a second, from the first to the last
	cpu   float64 // seconds of processor time
}

// cpu is the processor time that this process has used, in seconds.
func cpu(b *testing.B) float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// quickUsermost answers every call at once, and well.
func quickUsermost(b *testing.B) (url string) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"response":{"data":{},"message":"","status":"success"}}`)
	}))
	b.Cleanup(web.Close)
	return web.URL
}

// event is a CloudEvent with an id, a type and data.
const event = `{"specversion":"1.0","id":"%d","source":"/school","type":%q,"time":"2026-09-01T08:00:00Z","data":%s}`

// catalog has the one vendor of the benchmark, and the event types of its loads.
var catalog = Catalog{
	Vendors: func() []Vendor { return []Vendor{VendorOf("usermost", usermost.Defaults(), usermost.New)} },
	Handlers: func(handlers.Courses, []string) []handlers.Handler {
		return []handlers.Handler{handlers.UserCreated(), handlers.ActivityTracked()}
	},
}

// plant is a NATS server with nothing in it, and an engine for one vendor.
type plant struct {
	b       *testing.B
	engine  *Engine
	telling bool // else nothing is counted, measured or logged
}

func newPlant(b *testing.B, vendor string, telling bool) *plant {
	dir := b.TempDir()
	c, err := config.Load(config.Sources{Vendors: catalog.Sections(), Environ: []string{
		"USHER_USERMOST_BASE_URL=" + vendor, "USHER_USERMOST_LICENSE_CODE=l", "USHER_USERMOST_API_KEY=k", "USHER_USERMOST_RATE=0",
		"USHER_NATS_EMBEDDED_DIR=" + filepath.Join(dir, "nats"), "USHER_NATS_EMBEDDED_SYNC=1m",
	}})
	if err != nil {
		b.Fatal(err)
	}
	p := &plant{b: b, telling: telling, engine: &Engine{Config: c, Catalog: catalog, Log: zerolog.Nop(), Metrics: telemetry.New("bench")}}
	if telling {
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() })
		p.engine.Log = zerolog.New(log).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	}
	return p
}

// workOff stores so many events and lets the engine work them off.
func (p *plant) workOff(kind, data string, load int) pass {
	ctx, stop := context.WithCancel(p.b.Context())
	defer stop()
	defer os.RemoveAll(p.engine.Config.NATS.Embedded.Dir)
	set, end, err := Connect(ctx, p.engine.Config.NATS, natsconn.Options{Log: zerolog.Nop()})
	if err != nil {
		p.b.Fatal(err)
	}
	defer end()
	p.engine.Streams = set
	if err := p.engine.Admin().Ensure(ctx); err != nil {
		p.b.Fatal(err)
	}
	for i := range load {
		m := &nats.Msg{Subject: kind, Data: fmt.Appendf(nil, event, i, kind, fmt.Sprintf(data, i))}
		if _, err := set.Client.JetStream.PublishMsgAsync(m); err != nil {
			p.b.Fatal(err)
		}
	}
	<-set.Client.JetStream.PublishAsyncComplete()
	runtime.GC()
	begun := cpu(p.b)
	worked := make(chan error, 1)
	go func() { worked <- p.run(ctx) }()
	done := pass{speed: p.speed(ctx, set, uint64(load)), cpu: cpu(p.b) - begun}
	stop()
	if err := <-worked; err != nil {
		p.b.Error(err)
	}
	return done
}

// speed waits until so many results are stored, and returns how many were in a second.
func (p *plant) speed(ctx context.Context, set *streams.Set, load uint64) float64 {
	results, err := set.Client.JetStream.Stream(ctx, streams.ResultsStream)
	if err != nil {
		p.b.Fatal(err)
	}
	scraped := time.Now()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		info, err := results.Info(ctx)
		if err != nil || time.Now().After(deadline) {
			p.b.Fatalf("the results do not come: %v", err)
		}
		if s := info.State; s.Msgs >= load {
			return float64(load-1) / s.LastTime.Sub(s.FirstTime).Seconds()
		}
		if p.telling && time.Since(scraped) > time.Second {
			scraped = time.Now()
			p.scrape()
		}
	}
}

func (p *plant) scrape() {
	answer := httptest.NewRecorder()
	p.engine.Metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		p.b.Errorf("/metrics: got %d, want 200", answer.Code)
	}
}

// run is the engine's own if all is measured. Otherwise the same core works, without the
// measurements of serve.
func (p *plant) run(ctx context.Context) (err error) {
	e := p.engine
	if p.telling {
		return e.Run(ctx)
	}
	if err := e.prepare(ctx); err != nil {
		return err
	}
	if e.decoder, err = ops.Decoder(e.Config); err != nil {
		return err
	}
	v := e.on()[0] // there is one
	port, err := v.Adapter()
	if err != nil {
		return err
	}
	return e.serve(ctx, v, port)
}
