package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// VendorStats are the statistics of one vendor in one process.
type VendorStats struct {
	Owner   bool // this process owns the vendor
	OnHold  bool // the circuit is open: the vendor fails, or rejects the credentials
	Unknown Waits
	Retries Waits
}

// Waits are users with effects that wait after an attempt.
type Waits struct {
	Users int
	Since time.Time // first attempt of the oldest effect; zero if there is none
}

// vendorStats collects the statistics of a vendor for each read of /metrics.
type vendorStats struct {
	ask func() VendorStats

	owner, onHold, unknown, unknownSince, retries, retriesSince *prometheus.Desc
}

// Vendor adds the statistics returned by ask, and starts the counters of the vendor at 0.
func (m *Metrics) Vendor(vendor string, ask func() VendorStats) (end func()) {
	m.failures.WithLabelValues(vendor)
	m.removed.WithLabelValues(vendor)
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("usher_"+name, help, nil, prometheus.Labels{"vendor": vendor})
	}
	stats := &vendorStats{
		ask:          ask,
		owner:        desc("vendor_owner", "1 while this process owns the vendor: it carries out the events of users and enrollments."),
		onHold:       desc("vendor_on_hold", "1 while nothing is asked of the vendor: it fails, or it refuses our credentials."),
		unknown:      desc("unknown_outcomes", "Users of whom it is not known whether the vendor made a change; 10000 stands for more."),
		unknownSince: desc("unknown_outcomes_oldest_timestamp_seconds", "When the oldest of these changes was first tried; 0 if there is none."),
		retries:      desc("retries_waiting", "Users with effects that failed and are tried again; 10000 stands for more."),
		retriesSince: desc("retries_oldest_timestamp_seconds", "When the oldest of these effects was first tried; 0 if there is none."),
	}
	m.registry.MustRegister(stats)
	return func() { m.registry.Unregister(stats) }
}

// Describe implements prometheus.Collector.
func (v *vendorStats) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{v.owner, v.onHold, v.unknown, v.unknownSince, v.retries, v.retriesSince} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (v *vendorStats) Collect(to chan<- prometheus.Metric) {
	s := v.ask()
	for _, g := range []struct {
		desc  *prometheus.Desc
		value float64
	}{
		{v.owner, truth(s.Owner)},
		{v.onHold, truth(s.OnHold)},
		{v.unknown, float64(s.Unknown.Users)},
		{v.unknownSince, stamp(s.Unknown.Since)},
		{v.retries, float64(s.Retries.Users)},
		{v.retriesSince, stamp(s.Retries.Since)},
	} {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value)
	}
}
