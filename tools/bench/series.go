package bench

import "slices"

// Series holds the runs of a plan with medians and ratios.
type Series struct {
	Name        string  `json:"name"`
	Load        string  `json:"load"`
	Events      int     `json:"events"` // per run
	Rate        int     `json:"rate"`   // events a second; 0: all published before the start
	DelayMS     float64 `json:"delay_ms"`
	Concurrency int     `json:"concurrency"`
	Rounds      int     `json:"rounds"`
	Medians     []Run   `json:"medians"` // by contestant
	Ratios      []Ratio `json:"ratios"`
	Runs        []Run   `json:"runs"`
}

// Ratio compares the events a second of two contestants: the median of the ratios by round.
type Ratio struct {
	Of     string  `json:"of"`
	To     string  `json:"to"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// sum fills in medians and ratios. Each contestant is compared with all contestants before in the
// plan, which lists the simplest contestant first.
func (s *Series) sum(contestants []Contestant) {
	for _, c := range contestants {
		s.Medians = append(s.Medians, s.medianRun(c.Name))
	}
	for i, of := range contestants {
		for _, to := range contestants[:i] {
			s.Ratios = append(s.Ratios, s.ratio(of.Name, to.Name))
		}
	}
}

// runsOf returns the runs of a contestant, by round.
func (s *Series) runsOf(name string) []Run {
	return slices.DeleteFunc(slices.Clone(s.Runs), func(r Run) bool { return r.Contestant != name })
}

// values returns one figure of all runs of a contestant.
func (s *Series) values(name string, figure func(Run) float64) (list []float64) {
	for _, r := range s.runsOf(name) {
		list = append(list, figure(r))
	}
	return list
}

// ratio compares two contestants round by round, so that other load on the machine affects both.
func (s *Series) ratio(of, to string) Ratio {
	a, b := s.values(of, eventsASecond), s.values(to, eventsASecond)
	list := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		list = append(list, a[i]/b[i])
	}
	return newRatio(of, to, list)
}

func newRatio(of, to string, rounds []float64) Ratio {
	if len(rounds) == 0 {
		return Ratio{Of: of, To: to}
	}
	return Ratio{Of: of, To: to, Median: median(rounds), Min: slices.Min(rounds), Max: slices.Max(rounds)}
}

// lastToFirst compares the last tenth with the first tenth of each run of a contestant. The runs
// must have tenths.
func (s *Series) lastToFirst(name string) Ratio {
	return newRatio("last tenth", "first", s.values(name, func(r Run) float64 { return r.Tenths[len(r.Tenths)-1] / r.Tenths[0] }))
}

func eventsASecond(r Run) float64 { return r.Events }

// medianRun returns the medians of all figures of a contestant.
func (s *Series) medianRun(name string) Run {
	m := func(figure func(Run) float64) float64 { return median(s.values(name, figure)) }
	out := Run{
		Contestant:  name,
		Seconds:     m(func(r Run) float64 { return r.Seconds }),
		Events:      m(eventsASecond),
		Effects:     m(func(r Run) float64 { return r.Effects }),
		Calls:       m(func(r Run) float64 { return r.Calls }),
		Asked:       int(m(func(r Run) float64 { return float64(r.Asked) })),
		Skipped:     int(m(func(r Run) float64 { return float64(r.Skipped) })),
		ResultP50:   m(func(r Run) float64 { return r.ResultP50 }),
		ResultP99:   m(func(r Run) float64 { return r.ResultP99 }),
		CallP50:     m(func(r Run) float64 { return r.CallP50 }),
		CallP99:     m(func(r Run) float64 { return r.CallP99 }),
		CPU:         m(func(r Run) float64 { return r.CPU }),
		Server:      m(func(r Run) float64 { return r.Server }),
		Others:      m(func(r Run) float64 { return r.Others }),
		PeakMB:      m(func(r Run) float64 { return r.PeakMB }),
		FirstOthers: m(func(r Run) float64 { return r.FirstOthers }),
		LastOthers:  m(func(r Run) float64 { return r.LastOthers }),
		FirstMB:     m(func(r Run) float64 { return r.FirstMB }),
		LastMB:      m(func(r Run) float64 { return r.LastMB }),
	}
	runs := s.runsOf(name)
	if len(runs) == 0 {
		return out
	}
	for i := range runs[0].Tenths { // all runs have the same number of tenths
		out.Tenths = append(out.Tenths, m(func(r Run) float64 { return r.Tenths[i] }))
	}
	if runs[0].Allocs != nil {
		allocations := m(func(r Run) float64 { return *r.Allocs })
		out.Allocs = &allocations
	}
	return out
}

// median returns the medians of one contestant, or zero values without runs.
func (s *Series) median(name string) Run {
	for _, r := range s.Medians {
		if r.Contestant == name {
			return r
		}
	}
	return Run{}
}
