package console

import (
	"slices"
	"strings"
	"time"
)

// memory is how many seconds are counted back.
const memory = 300

// What a result says of its effect, as its type alone tells.
const (
	kindDone    = "done"
	kindFailed  = "failed"
	kindSkipped = "skipped"
)

// kindOf is what the type of a result tells.
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

// count is how many effects ended, and how many of them failed.
type count struct{ All, Failed int }

// series counts one vendor's effects by the second, for the last minutes.
type series struct {
	second [memory]int64 // which each place counts, as a Unix time
	counts [memory]count
	took   []int64 // the vendor's times of late in milliseconds, as far as they were read
}

// add counts an effect that ended then.
func (s *series) add(at time.Time, kind string) {
	second := at.Unix()
	place := second % memory
	if s.second[place] > second {
		return // from before what is counted
	}
	if s.second[place] != second {
		s.second[place], s.counts[place] = second, count{}
	}
	s.counts[place].All++
	if kind == kindFailed {
		s.counts[place].Failed++
	}
}

// at is what ended within a second.
func (s *series) at(second int64) count {
	if s.second[second%memory] != second {
		return count{}
	}
	return s.counts[second%memory]
}

// over sums the last seconds before the one that runs.
func (s *series) over(now time.Time, seconds int) count {
	var sum count
	for i := 1; i <= seconds; i++ {
		one := s.at(now.Unix() - int64(i))
		sum.All += one.All
		sum.Failed += one.Failed
	}
	return sum
}

// step is how many seconds a point of a chart stands for.
const step = 5

// chart is the effects a second of one vendor over the last minutes, oldest first.
type chart struct {
	End    int64     `json:"end"`  // Unix time of the end of the last point
	Step   int       `json:"step"` // seconds between points
	Well   []float64 `json:"well"`
	Failed []float64 `json:"failed"`
}

func (s *series) chart(now time.Time) chart {
	end := now.Unix() / step * step
	c := chart{End: end, Step: step}
	for from := end - memory + step; from < end; from += step {
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

// manyTimes is how many times the median is taken of.
const manyTimes = 201

func (s *series) note(tookMS int64) {
	if len(s.took) == manyTimes {
		s.took = slices.Delete(s.took, 0, 1)
	}
	s.took = append(s.took, tookMS)
}

// median is of the vendor's times of late; false where none was read.
func (s *series) median() (ms int64, ok bool) {
	if len(s.took) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[len(sorted)/2], true
}
