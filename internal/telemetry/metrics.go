// Package telemetry has the metrics, for Prometheus, and the traces of Usher. Values of labels
// are names from the configuration and the code: vendors, types, outcomes, classes; never data
// from outside.
package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry

	effects  *prometheus.CounterVec
	attempts *prometheus.CounterVec
	failures *prometheus.CounterVec
	removed  *prometheus.CounterVec
	ages     *prometheus.HistogramVec
	calls    *prometheus.HistogramVec
	rate     *prometheus.GaugeVec
	requests *prometheus.CounterVec
	hooks    *prometheus.CounterVec
	reused   *prometheus.CounterVec
	notified *prometheus.CounterVec
	server   serverGauges
	dead     *prometheus.GaugeVec
	deadAge  *prometheus.GaugeVec

	exemplars exemplars // of ages
}

// serverGauges have the state of the NATS server, equal in every process.
type serverGauges struct {
	pending, unfinished, redelivered, oldest *prometheus.GaugeVec // of consumers
	waiting, failing, paused                 *prometheus.GaugeVec // of vendors
	bytes, maxBytes                          *prometheus.GaugeVec // of streams and buckets
}

// Bounds of the histograms in seconds, from a fast call to an effect of a day.
var (
	callSpans   = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
	effectSpans = []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
)

// New returns metrics with all counters at zero. version is the version of Usher.
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
	m.failures = counter("nats_step_failures_total", "Steps of the work for a vendor that NATS failed, and that are tried again; the log says which.", "vendor")
	m.removed = counter("unread_messages_removed_total", "Messages that left the stream of events before the vendor had read on; events of the vendor among them are lost.", "vendor")
	m.ages = histogram("effect_age_seconds", "Time from when the event was stored to the outcome of the effect.", effectSpans, "vendor", "type")
	m.calls = histogram("vendor_call_seconds", "Time of calls to the vendor, by class of the answer.", callSpans, "vendor", "class")
	m.rate = gauge("vendor_rate_limit", "Calls per second that are made to the vendor at most at this moment; 0 is no limit.", "vendor")
	m.requests = counter("http_requests_total", "Requests that the endpoint answered, by route and status.", "route", "status")
	m.hooks = counter("webhook_deliveries_total", "Deliveries of the senders of web hooks, by result: stored, ignored, kept as a dead letter, unsigned, unstored; and challenge, a check of the endpoint.", "sender", "result")
	m.reused = counter("reused_ids_total", "Events that were refused with 409, because a stored event of other content has the source and id; by sender.", "sender")
	m.notified = counter("notifications_total", "Notifications about problems, by target and result: sent, or failed after all tries.", "target", "result")
	m.server = serverGauges{
		pending:     gauge("consumer_pending", "Messages that are stored and not taken up yet; of the consumer replay, that have not ended.", "vendor", "consumer"),
		unfinished:  gauge("consumer_unfinished", "Messages that are delivered and not acknowledged.", "vendor", "consumer"),
		redelivered: gauge("consumer_redelivered", "Unfinished messages that were delivered more than once.", "vendor", "consumer"),
		oldest:      gauge("consumer_oldest_timestamp_seconds", "When the oldest pending or unfinished message was stored; 0 if there is none.", "vendor", "consumer"),
		waiting:     gauge("vendor_waiting", "Users, and activity events, that wait for their time or for the vendor, as in usher status: records with unfinished work; with more than 256 timers, the timers, which may outlive the work for minutes.", "vendor"),
		failing:     gauge("vendor_failing", "1 while a process works for the vendor, several users wait after failed tries, and none has succeeded since, as in usher status.", "vendor"),
		paused:      gauge("vendor_paused", "1 while the vendor is paused by hand.", "vendor"),
		bytes:       gauge("stream_bytes", "Bytes of messages in a stream or bucket, before compression.", "stream"),
		maxBytes:    gauge("stream_max_bytes", "The limit of a stream or bucket, which then takes no further message; absent without a limit.", "stream"),
	}
	m.dead = gauge("dead_letters", "Dead letters that wait for a person.", "vendor", "class")
	m.deadAge = gauge("dead_letters_oldest_timestamp_seconds", "When the oldest of the dead letters was last stored.", "vendor", "class")
	info := gauge("build_info", "Always 1; the version is in the label.", "version")
	info.WithLabelValues(version).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler returns the handler of /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, EnableOpenMetrics: true})
}

// Effect counts a finished effect. age is the time since the event was stored. key, the event
// key, is the exemplar of the age, once a second for each bucket of the histogram.
func (m *Metrics) Effect(vendor, typ, outcome, key string, age time.Duration) {
	m.effects.WithLabelValues(vendor, typ, outcome).Inc()
	var exemplar prometheus.Labels
	index, _ := slices.BinarySearch(effectSpans, age.Seconds())
	if m.exemplars.due(bucket{vendor, typ, index}) {
		exemplar = prometheus.Labels{"event_key": key}
	}
	observe(m.ages.WithLabelValues(vendor, typ), age, exemplar)
}

// Attempt counts a failed attempt.
func (m *Metrics) Attempt(vendor, typ, class string) {
	m.attempts.WithLabelValues(vendor, typ, class).Inc()
}

// StepFailed counts a step for a vendor that failed because of NATS.
func (m *Metrics) StepFailed(vendor string) { m.failures.WithLabelValues(vendor).Inc() }

// Removed counts messages that left the stream of events before the vendor read them.
func (m *Metrics) Removed(vendor string, n uint64) {
	m.removed.WithLabelValues(vendor).Add(float64(n))
}

// Call measures a vendor call. class is the class of the failure, or "ok". rate is the present
// limit in calls per second, 0 for no limit.
func (m *Metrics) Call(vendor, class string, took time.Duration, rate float64) {
	observe(m.calls.WithLabelValues(vendor, class), took, nil)
	m.rate.WithLabelValues(vendor).Set(rate)
}

// Request counts a request of the HTTP endpoint.
func (m *Metrics) Request(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// Delivery counts a delivery of a sender of web hooks.
func (m *Metrics) Delivery(sender, result string) { m.hooks.WithLabelValues(sender, result).Inc() }

// Reused counts events that the HTTP endpoint refused with 409.
func (m *Metrics) Reused(sender string, events int) {
	m.reused.WithLabelValues(sender).Add(float64(events))
}

// Notification counts a delivery of a notification.
func (m *Metrics) Notification(target string, sent bool) {
	result := "sent"
	if !sent {
		result = "failed"
	}
	m.notified.WithLabelValues(target, result).Inc()
}

// NATS adds a gauge for the connection to NATS.
func (m *Metrics) NATS(connected func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "usher_nats_connected", Help: "1 while the connection to NATS stands."},
		func() float64 { return truth(connected()) },
	))
}

// Consumer is the state of a durable consumer at the server.
type Consumer struct {
	Pending     uint64
	Unfinished  int
	Redelivered int
	Oldest      time.Time // storing time of the oldest pending or unfinished message; zero if there is none
}

// Consumer sets the state of a durable consumer.
func (m *Metrics) Consumer(vendor, consumer string, c Consumer) {
	m.server.pending.WithLabelValues(vendor, consumer).Set(float64(c.Pending))
	m.server.unfinished.WithLabelValues(vendor, consumer).Set(float64(c.Unfinished))
	m.server.redelivered.WithLabelValues(vendor, consumer).Set(float64(c.Redelivered))
	m.server.oldest.WithLabelValues(vendor, consumer).Set(stamp(c.Oldest))
}

// NoConsumer removes the state of a missing durable consumer.
func (m *Metrics) NoConsumer(vendor, consumer string) {
	for _, g := range []*prometheus.GaugeVec{m.server.pending, m.server.unfinished, m.server.redelivered, m.server.oldest} {
		g.DeleteLabelValues(vendor, consumer)
	}
}

// Waiting sets the number of waiting users and activity events of a vendor.
func (m *Metrics) Waiting(vendor string, n int) {
	m.server.waiting.WithLabelValues(vendor).Set(float64(n))
}

// Failing sets whether several users of a vendor fail, and none succeeds.
func (m *Metrics) Failing(vendor string, failing bool) {
	m.server.failing.WithLabelValues(vendor).Set(truth(failing))
}

// Paused sets whether a vendor is paused by a person.
func (m *Metrics) Paused(vendor string, paused bool) {
	m.server.paused.WithLabelValues(vendor).Set(truth(paused))
}

// Stream sets the extent of a stream or bucket, and its limit; zero: none.
func (m *Metrics) Stream(name string, bytes uint64, limit int64) {
	m.server.bytes.WithLabelValues(name).Set(float64(bytes))
	if limit <= 0 {
		m.server.maxBytes.DeleteLabelValues(name)
		return
	}
	m.server.maxBytes.WithLabelValues(name).Set(float64(limit))
}

// DeadCount is the number of a vendor's dead letters of one class.
type DeadCount struct {
	Vendor, Class string
	Count         int
	Oldest        time.Time // last storing time of the oldest dead letter
}

// Dead sets the numbers of dead letters.
func (m *Metrics) Dead(list []DeadCount) {
	m.dead.Reset()
	m.deadAge.Reset()
	for _, c := range list {
		m.dead.WithLabelValues(c.Vendor, c.Class).Set(float64(c.Count))
		m.deadAge.WithLabelValues(c.Vendor, c.Class).Set(stamp(c.Oldest))
	}
}

// observe observes a duration, with an exemplar if there are labels.
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

// stamp returns a time in Unix seconds, 0 for the zero time.
func stamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
