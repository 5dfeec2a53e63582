// Package telemetry counts and measures what usher does, for Prometheus. Values
// of labels are names that the configuration and the code know: vendors, types,
// outcomes, classes; never anything that came in.
package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what /metrics tells of one process.
type Metrics struct {
	registry *prometheus.Registry

	effects  *prometheus.CounterVec
	attempts *prometheus.CounterVec
	taken    *prometheus.CounterVec
	ages     *prometheus.HistogramVec
	calls    *prometheus.HistogramVec
	rate     *prometheus.GaugeVec
	requests *prometheus.CounterVec
	lanes    laneGauges
	dead     *prometheus.GaugeVec
	deadAge  *prometheus.GaugeVec
}

// laneGauges are how the lanes stand at the server, which every process sees alike.
type laneGauges struct {
	pending, waiting, limit, redelivered, oldest, paused *prometheus.GaugeVec
}

// spans are the bounds of the histograms, in seconds: from a fast call to an
// effect that waited for a day.
var (
	callSpans   = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	effectSpans = []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
)

// New returns metrics that stand at zero.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "usher_" + name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "usher_" + name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	histogram := func(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "usher_" + name, Help: help, Buckets: bounds}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.effects = counter("effects_total", "Effects that ended, by outcome.", "vendor", "type", "outcome")
	m.attempts = counter("attempts_failed_total", "Attempts of effects that failed, by class of the failure.", "vendor", "type", "class")
	m.taken = counter("claims_contested_total", "Deliveries that found their effect claimed by another one.", "vendor", "step")
	m.ages = histogram("effect_age_seconds", "Time from when the event was stored to the outcome of the effect.", effectSpans, "vendor", "type")
	m.calls = histogram("vendor_call_seconds", "Time of calls to the vendor, by class of the answer.", callSpans, "vendor", "class")
	m.rate = gauge("vendor_rate_limit", "Calls per second that are made to the vendor at most at this moment; 0 is no limit.", "vendor")
	m.requests = counter("http_requests_total", "Requests that the endpoint answered, by route and status.", "route", "status")
	m.lanes = laneGauges{
		pending:     gauge("lane_pending", "Messages that are stored and not delivered yet.", "vendor", "lane"),
		waiting:     gauge("lane_unfinished", "Messages that are delivered and not finished: at work, or waiting for their time.", "vendor", "lane"),
		limit:       gauge("lane_unfinished_limit", "At so many unfinished messages nothing new is delivered.", "vendor", "lane"),
		redelivered: gauge("lane_redelivered", "Unfinished messages that were delivered more than once.", "vendor", "lane"),
		oldest:      gauge("lane_oldest_unfinished_timestamp_seconds", "When the oldest unfinished message was stored; 0 where there is none.", "vendor", "lane"),
		paused:      gauge("lane_paused", "1 while the lane is paused by hand.", "vendor", "lane"),
	}
	m.dead = gauge("dead_letters", "Dead letters that wait for a person.", "vendor", "class")
	m.deadAge = gauge("dead_letters_oldest_timestamp_seconds", "When the oldest of the dead letters was last stored.", "vendor", "class")
	info := gauge("build_info", "Always 1; the version is in the label.", "version")
	info.WithLabelValues(version).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}

// Effect counts an effect that ended. Age is the time since its event was stored;
// key, the event's, is the exemplar of its age.
func (m *Metrics) Effect(vendor, typ, outcome, key string, age time.Duration) {
	m.effects.WithLabelValues(vendor, typ, outcome).Inc()
	observe(m.ages.WithLabelValues(vendor, typ), age, prometheus.Labels{"event_key": key})
}

// Attempt counts a failed attempt.
func (m *Metrics) Attempt(vendor, typ, class string) {
	m.attempts.WithLabelValues(vendor, typ, class).Inc()
}

// Contested counts a delivery that found its effect claimed.
func (m *Metrics) Contested(vendor, step string) { m.taken.WithLabelValues(vendor, step).Inc() }

// Call measures a call to a vendor. Class is that of the failure, "ok" where
// there was none; rate is the limit that holds now, 0 for none.
func (m *Metrics) Call(vendor, class string, took time.Duration, rate float64) {
	observe(m.calls.WithLabelValues(vendor, class), took, nil)
	m.rate.WithLabelValues(vendor).Set(rate)
}

// Request counts a request of the endpoint.
func (m *Metrics) Request(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// Asked is what a vendor's worker answers whenever /metrics is read.
type Asked interface {
	Held() bool                             // whether the vendor is on hold
	Unknown() (n int, since time.Time)      // outcomes that are not known, the oldest since when
	Retries() (n int, firstTried time.Time) // effects that wait to be tried again, the oldest since when
}

// Vendor adds what is asked of a vendor's worker.
func (m *Metrics) Vendor(vendor string, w Asked) {
	labels := prometheus.Labels{"vendor": vendor}
	ask := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "usher_" + name, Help: help, ConstLabels: labels}, value))
	}
	ask("vendor_on_hold", "1 while nothing is fetched for the vendor: it fails, or it refuses our credentials.", func() float64 { return truth(w.Held()) })
	count := func(of func() (int, time.Time)) func() float64 {
		return func() float64 { n, _ := of(); return float64(n) }
	}
	since := func(of func() (int, time.Time)) func() float64 {
		return func() float64 { _, t := of(); return stamp(t) }
	}
	ask("unknown_outcomes", "Effects of which it is not known whether the vendor made the change.", count(w.Unknown))
	ask("unknown_outcomes_oldest_timestamp_seconds", "Since when the oldest of them is not known; 0 where there is none.", since(w.Unknown))
	ask("retries_waiting", "Effects that failed and wait to be tried again.", count(w.Retries))
	ask("retries_oldest_timestamp_seconds", "When the oldest of them was first tried; 0 where there is none.", since(w.Retries))
}

// NATS adds whether the connection stands.
func (m *Metrics) NATS(connected func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "usher_nats_connected", Help: "1 while the connection to NATS stands."},
		func() float64 { return truth(connected()) },
	))
}

// Lane is how a lane stands at the server.
type Lane struct {
	Pending     uint64
	Waiting     int
	Limit       int
	Redelivered int
	Oldest      time.Time // when the oldest unfinished message was stored; zero where there is none
	Paused      bool
}

// Lane sets how a lane stands.
func (m *Metrics) Lane(vendor, lane string, l Lane) {
	m.lanes.pending.WithLabelValues(vendor, lane).Set(float64(l.Pending))
	m.lanes.waiting.WithLabelValues(vendor, lane).Set(float64(l.Waiting))
	m.lanes.limit.WithLabelValues(vendor, lane).Set(float64(l.Limit))
	m.lanes.redelivered.WithLabelValues(vendor, lane).Set(float64(l.Redelivered))
	m.lanes.oldest.WithLabelValues(vendor, lane).Set(stamp(l.Oldest))
	m.lanes.paused.WithLabelValues(vendor, lane).Set(truth(l.Paused))
}

// NoLane says that a lane is not there, or no longer.
func (m *Metrics) NoLane(vendor, lane string) {
	for _, g := range []*prometheus.GaugeVec{m.lanes.pending, m.lanes.waiting, m.lanes.limit, m.lanes.redelivered, m.lanes.oldest, m.lanes.paused} {
		g.DeleteLabelValues(vendor, lane)
	}
}

// DeadCount is the number of dead letters of one class that a vendor has.
type DeadCount struct {
	Vendor, Class string
	Count         int
	Oldest        time.Time // when the oldest of them was last stored
}

// Dead sets the dead letters that there are.
func (m *Metrics) Dead(list []DeadCount) {
	m.dead.Reset()
	m.deadAge.Reset()
	for _, c := range list {
		m.dead.WithLabelValues(c.Vendor, c.Class).Set(float64(c.Count))
		m.deadAge.WithLabelValues(c.Vendor, c.Class).Set(stamp(c.Oldest))
	}
}

// observe measures a time, with an exemplar where there are labels for one.
func observe(o prometheus.Observer, d time.Duration, exemplar prometheus.Labels) {
	if e, ok := o.(prometheus.ExemplarObserver); ok && exemplar != nil {
		e.ObserveWithExemplar(d.Seconds(), exemplar)
		return
	}
	o.Observe(d.Seconds())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// stamp is a time in seconds, 0 for none.
func stamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
