package console

import (
	"slices"
	"strings"
	"time"
)

// window is the number of seconds in a series.
const window = 300

// Kinds of results, by type.
const (
	kindDone    = "done"
	kindFailed  = "failed"
	kindSkipped = "skipped"
)

// kindOf returns the kind of a result type.
func kindOf(resultType string) string {
	switch {
	case strings.HasSuffix(resultType, ".failed"):
		return kindFailed
	case strings.HasSuffix(resultType, ".skipped"):
		return kindSkipped
	default:
		return kindDone
	}
}

// count is a number of finished effects, and of failures.
type count struct{ All, Failed int }

// series counts the effects of one vendor by the second, for the last minutes.
type series struct {
	second [window]int64 // Unix time of each count
	counts [window]count
	took   []int64 // recent times of the vendor in milliseconds, of results that were read
}

// add counts an effect that ended at this time.
func (s *series) add(at time.Time, kind string) {
	second := at.Unix()
	place := second % window
	if s.second[place] > second {
		return // older than the window
	}
	if s.second[place] != second {
		s.second[place], s.counts[place] = second, count{}
	}
	s.counts[place].All++
	if kind == kindFailed {
		s.counts[place].Failed++
	}
}

// at returns the count of a second.
func (s *series) at(second int64) count {
	if s.second[second%window] != second {
		return count{}
	}
	return s.counts[second%window]
}

// over returns the sum of the last seconds, without the present second.
func (s *series) over(now time.Time, seconds int) count {
	var sum count
	for i := 1; i <= seconds; i++ {
		one := s.at(now.Unix() - int64(i))
		sum.All += one.All
		sum.Failed += one.Failed
	}
	return sum
}

// step is the number of seconds of a point of a chart.
const step = 5

// chart holds the effects a second of one vendor over the last minutes, oldest first.
type chart struct {
	End    int64     `json:"end"`  // Unix time of the end of the last point
	Step   int       `json:"step"` // seconds between points
	Well   []float64 `json:"well"`
	Failed []float64 `json:"failed"`
}

func (s *series) chart(now time.Time) chart {
	end := now.Unix() / step * step
	c := chart{End: end, Step: step}
	for from := end - window + step; from < end; from += step {
		var sum count
		for i := range int64(step) {
			one := s.at(from + i)
			sum.All += one.All
			sum.Failed += one.Failed
		}
		c.Well = append(c.Well, float64(sum.All-sum.Failed)/step)
		c.Failed = append(c.Failed, float64(sum.Failed)/step)
	}
	return c
}

// medianTimes is the number of times for the median.
const medianTimes = 201

func (s *series) note(tookMS int64) {
	if len(s.took) == medianTimes {
		s.took = slices.Delete(s.took, 0, 1)
	}
	s.took = append(s.took, tookMS)
}

// median returns the median of the recent times; false if no result was read.
func (s *series) median() (ms int64, ok bool) {
	if len(s.took) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[len(sorted)/2], true
}
