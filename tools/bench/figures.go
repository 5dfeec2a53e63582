package bench

import (
	"cmp"
	"os"
	"slices"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// Run holds the figures of one contestant in one round. Unknown figures are 0, or null for pointers.
type Run struct {
	Contestant string  `json:"contestant"`
	Round      int     `json:"round"`
	Seconds    float64 `json:"seconds"` // from the first vendor call to the last result stored
	Events     float64 `json:"events_per_second"`
	Effects    float64 `json:"effects_per_second"` // an effect is one event at one vendor
	Calls      float64 `json:"calls_per_second"`   // calls of vendors
	Asked      int     `json:"calls"`
	Skipped    int     `json:"skipped"` // superseded and unsupported effects

	ResultP50 float64 `json:"publish_to_result_p50_ms"` // paced runs only, like the next three
	ResultP99 float64 `json:"publish_to_result_p99_ms"`
	CallP50   float64 `json:"publish_to_call_p50_ms"`
	CallP99   float64 `json:"publish_to_call_p99_ms"`

	CPU    float64  `json:"cpu_seconds_per_1000_events"`        // of all processes of the contestant, from start to end
	Server float64  `json:"server_cpu_seconds_per_1000_events"` // of NATS during the run
	Others float64  `json:"others_share"`                       // share of the machine's CPU used by other programs during the run
	Allocs *float64 `json:"allocations_per_event"`              // of all processes of the contestant
	PeakMB float64  `json:"peak_memory_mb"`                     // of the largest process of the contestant; PostgreSQL counts as one, at the end

	FirstOthers float64 `json:"others_share_first_tenth"`
	LastOthers  float64 `json:"others_share_last_tenth"`

	FirstMB float64 `json:"memory_first_tenth_mb"` // median during the first tenth of the results
	LastMB  float64 `json:"memory_last_tenth_mb"`

	Tenths []float64 `json:"effects_per_second_by_tenth"` // none with few results
}

// sample is the memory of the largest process and the CPU used, at a number of results.
type sample struct {
	results uint64
	bytes   int64
	meter   meter
}

// sample records the memory and CPU in use.
func (s *env) sample(results uint64) {
	var most int64
	for _, w := range s.workers {
		now, _ := w.Memory()
		most = max(most, now)
	}
	s.samples = append(s.samples, sample{results, most, s.meter()})
}

// meter holds the CPU used so far, in seconds.
type meter struct {
	busy, all float64 // used by the whole machine, and available
	ours      float64 // used by the bench and all contestants
	server    float64 // used by NATS
}

// others returns the share of the machine's CPU used by other programs since before.
func (m meter) others(before meter) float64 {
	if m.all <= before.all {
		return 0
	}
	return max(0, (m.busy-before.busy)-(m.ours-before.ours)) / (m.all - before.all)
}

func (s *env) meter() (m meter) {
	m.busy, m.all = process.MachineCPU()
	m.ours = process.CPUOf(os.Getpid())
	for _, p := range s.processes() {
		m.ours += p.TreeCPU()
	}
	m.server = process.CPUOf(s.nats.PID())
	return m
}

// figures returns the figures of a contestant that has ended.
func (s *env) figures(done *Tally, asked Asked) Run {
	events := float64(s.plan.Events)
	last := done.Times[len(done.Times)-1]
	r := Run{Contestant: s.contestant.Name, Asked: asked.Calls, Skipped: done.Skipped, Seconds: last.Sub(asked.First).Seconds()}
	r.Events = events / r.Seconds
	r.Effects = float64(len(done.Times)) / r.Seconds
	r.Calls = float64(asked.Calls) / r.Seconds
	if s.plan.Rate > 0 {
		took := slices.Sorted(slices.Values(done.Took))
		r.ResultP50, r.ResultP99 = ms(quantile(took, 0.5)), ms(quantile(took, 0.99))
		r.CallP50, r.CallP99 = ms(asked.WaitP50), ms(asked.WaitP99)
	}
	r.Server = (s.after.server - s.before.server) / events * 1000
	r.Others = s.after.others(s.before)
	var allocations float64
	for _, w := range s.workers {
		r.CPU += w.CPU().Seconds() / events * 1000
		r.PeakMB = max(r.PeakMB, megabytes(w.peak))
		allocations += (w.after - w.before) / events
	}
	if s.database != nil {
		r.CPU += s.database.CPU().Seconds() / events * 1000
		r.PeakMB = max(r.PeakMB, megabytes(s.database.memory))
	}
	if allocations > 0 {
		r.Allocs = &allocations
	}
	s.tenths(&r, done.Times)
	return r
}

// tenths fills in the figures of each tenth of a run.
func (s *env) tenths(r *Run, times []time.Time) {
	n := len(times)
	tenth := n / 10
	if tenth < 2 {
		return
	}
	for i := range 10 {
		part := times[i*n/10 : (i+1)*n/10]
		r.Tenths = append(r.Tenths, float64(len(part)-1)/max(part[len(part)-1].Sub(part[0]).Seconds(), 1e-6))
	}
	var first, last []sample
	for _, x := range s.samples {
		switch {
		case x.results > 0 && x.results <= uint64(tenth):
			first = append(first, x)
		case x.results >= uint64(n-tenth):
			last = append(last, x)
		}
	}
	r.FirstMB, r.FirstOthers = during(first)
	r.LastMB, r.LastOthers = during(last)
}

// during returns the median of the memory and the CPU share of other programs.
func during(samples []sample) (mb, others float64) {
	var list []float64
	for _, x := range samples {
		list = append(list, megabytes(x.bytes))
	}
	if len(samples) > 0 {
		others = samples[len(samples)-1].meter.others(samples[0].meter)
	}
	return median(list), others
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// quantile returns the quantile of a sorted list, or the zero value of an empty list.
func quantile[T cmp.Ordered](sorted []T, q float64) (zero T) {
	if len(sorted) == 0 {
		return zero
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	if n := len(sorted); n > 0 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return quantile(sorted, 0.5)
}
