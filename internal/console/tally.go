package console

import (
	"slices"
	"strings"
	"time"
)

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

// count holds the numbers of finished effects, of failures, and of effects without a change.
type count struct{ All, Failed, Skipped int }

func (c count) plus(d count) count {
	return count{c.All + d.All, c.Failed + d.Failed, c.Skipped + d.Skipped}
}

// ring counts effects by steps of time, for the last steps.
type ring struct {
	step  int64 // in seconds
	cells []cell
}

// cell is the count of one step.
type cell struct {
	step int64 // number of the step since 1970
	count
}

// add counts an effect that ended at this time.
func (r *ring) add(at time.Time, kind string) {
	step := at.Unix() / r.step
	place := &r.cells[step%int64(len(r.cells))]
	if place.step > step {
		return // older than the ring
	}
	if place.step != step {
		*place = cell{step: step}
	}
	place.All++
	switch kind {
	case kindFailed:
		place.Failed++
	case kindSkipped:
		place.Skipped++
	}
}

// sum returns the count of the steps from a step to another, without the last step.
func (r *ring) sum(from, to int64) (sum count) {
	for step := from; step < to; step++ {
		if c := r.cells[step%int64(len(r.cells))]; c.step == step {
			sum = sum.plus(c.count)
		}
	}
	return sum
}

// series counts the effects of one vendor: by the second for the last minutes, and by the minute
// for the last day.
type series struct {
	seconds, minutes ring
	took             []int64 // recent times of the vendor in milliseconds, of results that were read
}

func newSeries() *series {
	return &series{
		seconds: ring{step: 1, cells: make([]cell, fiveMinutes.Points*fiveMinutes.step+60)},
		minutes: ring{step: 60, cells: make([]cell, 24*60+1)},
	}
}

// add counts an effect that ended at this time.
func (s *series) add(at time.Time, kind string) {
	s.seconds.add(at, kind)
	s.minutes.add(at, kind)
}

// over returns the sum of the last seconds, without the present second.
func (s *series) over(now time.Time, seconds int64) count {
	return s.seconds.sum(now.Unix()-seconds, now.Unix())
}

// tookTimes is the number of times for the quantiles.
const tookTimes = 201

func (s *series) note(tookMS int64) {
	if len(s.took) == tookTimes {
		s.took = slices.Delete(s.took, 0, 1)
	}
	s.took = append(s.took, tookMS)
}

// quantile returns the time not exceeded by a share of the recent calls; false before the first
// result was read.
func (s *series) quantile(share float64) (ms int64, ok bool) { return quantile(s.took, share) }

func quantile(times []int64, share float64) (ms int64, ok bool) {
	if len(times) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))], true
}
