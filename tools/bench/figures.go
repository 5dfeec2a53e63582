package bench

import (
	"cmp"
	"os"
	"slices"
	"time"

	"github.com/usherhq/usher/tools/process"
)

// Run is the figures of one contestant in one round. What is not known is 0, or
// null where it is a pointer.
type Run struct {
	Contestant string  `json:"contestant"`
	Round      int     `json:"round"`
	Seconds    float64 `json:"seconds"` // from the first vendor call to the last result stored
	Events     float64 `json:"events_per_second"`
	Effects    float64 `json:"effects_per_second"` // an event at a vendor
	Calls      float64 `json:"calls_per_second"`   // of vendors
	Asked      int     `json:"calls"`
	Skipped    int     `json:"skipped"` // effects that were superseded or that the vendor does not support

	ResultP50 float64 `json:"publish_to_result_p50_ms"` // paced runs only, as the next three
	ResultP99 float64 `json:"publish_to_result_p99_ms"`
	CallP50   float64 `json:"publish_to_call_p50_ms"`
	CallP99   float64 `json:"publish_to_call_p99_ms"`

	CPU    float64  `json:"cpu_seconds_per_1000_events"`        // of all its processes, from start to end
	Server float64  `json:"server_cpu_seconds_per_1000_events"` // of NATS, while it worked
	Others float64  `json:"others_share"`                       // of the machine's CPU that was used by what is no part of the bench meanwhile
	Allocs *float64 `json:"allocations_per_event"`              // of all its processes
	PeakMB float64  `json:"peak_memory_mb"`                     // of the largest of its processes

	FirstOthers float64 `json:"others_share_first_tenth"`
	LastOthers  float64 `json:"others_share_last_tenth"`

	FirstMB float64 `json:"memory_first_tenth_mb"` // the median while the first tenth of the results came
	LastMB  float64 `json:"memory_last_tenth_mb"`

	Tenths []float64 `json:"effects_per_second_by_tenth"` // none where there were few results
}

// sample is what one process at most had in memory when there were so many
// results, and what CPU was used by then.
type sample struct {
	results uint64
	bytes   int64
	meter   meter
}

// sample notes the memory in use.
func (s *stage) sample(results uint64) {
	var most int64
	for _, w := range s.workers {
		now, _ := w.Memory()
		most = max(most, now)
	}
	s.samples = append(s.samples, sample{results, most, s.meter()})
}

// meter is the CPU used so far, in seconds.
type meter struct {
	busy, all float64 // by the whole machine, and what it has
	ours      float64 // by all that takes part, the bench too
	server    float64 // by NATS
}

// others is the share of the machine's CPU that others have used since before.
func (m meter) others(before meter) float64 {
	if m.all <= before.all {
		return 0
	}
	return max(0, (m.busy-before.busy)-(m.ours-before.ours)) / (m.all - before.all)
}

func (s *stage) meter() (m meter) {
	m.busy, m.all = process.MachineCPU()
	m.ours = process.CPUOf(os.Getpid())
	for _, p := range s.processes() {
		m.ours += process.CPUOf(p.PID())
	}
	m.server = process.CPUOf(s.nats.PID())
	return m
}

// figures are taken once the contestant has ended.
func (s *stage) figures(done *Tally, asked Asked) Run {
	events := float64(s.plan.Events)
	last := done.Times[len(done.Times)-1]
	r := Run{Contestant: s.contestant.Name, Asked: asked.Calls, Skipped: done.Skipped, Seconds: last.Sub(asked.First).Seconds()}
	r.Events, r.Effects, r.Calls = events/r.Seconds, float64(len(done.Times))/r.Seconds, float64(asked.Calls)/r.Seconds
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
	if allocations > 0 {
		r.Allocs = &allocations
	}
	s.tenths(&r, done.Times)
	return r
}

// tenths fills in how the run went from first to last.
func (s *stage) tenths(r *Run, times []time.Time) {
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
	r.FirstMB, r.FirstOthers = meanwhile(first)
	r.LastMB, r.LastOthers = meanwhile(last)
}

// meanwhile is the median of the memory, and what others used of the CPU.
func meanwhile(samples []sample) (mb, others float64) {
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

// quantile is that of a sorted list; the zero value where it is empty.
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
