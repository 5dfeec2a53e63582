package bench

import "slices"

// Series is a plan's runs and what they come to.
type Series struct {
	Name        string  `json:"name"`
	Load        string  `json:"load"`
	Events      int     `json:"events"` // in one run
	Rate        int     `json:"rate"`   // events a second; 0: all were there before the start
	DelayMS     float64 `json:"delay_ms"`
	Concurrency int     `json:"concurrency"`
	Rounds      int     `json:"rounds"`
	Medians     []Run   `json:"medians"` // one a contestant
	Ratios      []Ratio `json:"ratios"`
	Runs        []Run   `json:"runs"`
}

// Ratio is how many times the events a second of another contestant one does:
// the median of the rounds' ratios.
type Ratio struct {
	Of     string  `json:"of"`
	To     string  `json:"to"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// sum fills in medians and ratios. Ratios are those of the last contestants to
// the ones before them, which every plan lists from the plainest on.
func (s *Series) sum(contestants []Contestant) {
	for _, c := range contestants {
		s.Medians = append(s.Medians, s.middle(c.Name))
	}
	for i, of := range contestants {
		for _, to := range contestants[:i] {
			s.Ratios = append(s.Ratios, s.ratio(of.Name, to.Name))
		}
	}
}

// of are the runs of a contestant, by round.
func (s *Series) of(name string) []Run {
	return slices.DeleteFunc(slices.Clone(s.Runs), func(r Run) bool { return r.Contestant != name })
}

// values is one figure of all runs of a contestant.
func (s *Series) values(name string, figure func(Run) float64) (list []float64) {
	for _, r := range s.of(name) {
		list = append(list, figure(r))
	}
	return list
}

// ratio compares round by round, so that what befalls the whole machine for a
// while befalls both.
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

// lasting compares the last tenth of each run of a contestant with its first; of
// runs that are long enough for tenths.
func (s *Series) lasting(name string) Ratio {
	return newRatio("last tenth", "first", s.values(name, func(r Run) float64 { return r.Tenths[len(r.Tenths)-1] / r.Tenths[0] }))
}

func eventsASecond(r Run) float64 { return r.Events }

// middle is the medians of a contestant's figures.
func (s *Series) middle(name string) Run {
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
	runs := s.of(name)
	if len(runs) == 0 {
		return out
	}
	for i := range runs[0].Tenths { // of as many results in each run
		out.Tenths = append(out.Tenths, m(func(r Run) float64 { return r.Tenths[i] }))
	}
	if runs[0].Allocs != nil {
		allocations := m(func(r Run) float64 { return *r.Allocs })
		out.Allocs = &allocations
	}
	return out
}

// median is the medians of one contestant; its zero value where it did not run.
func (s *Series) median(name string) Run {
	for _, r := range s.Medians {
		if r.Contestant == name {
			return r
		}
	}
	return Run{}
}
