package fairness_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

// call is one call of a random history, and the outcome of its wait.
type call struct {
	at       time.Duration
	class    fairness.Class
	patience time.Duration

	granted bool
	ended   time.Duration // the time of the grant, or of the end of the patience
}

// change is a change of the rate or an answer.
type change struct {
	at    time.Duration
	rate  float64 // above zero: SetRate
	is429 bool
	after time.Duration
}

type pacerHistory struct {
	rate    float64
	calls   []call
	changes []change
}

func milliseconds(most int) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.IntRange(0, most), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
}

var rates = rapid.SampledFrom([]float64{0.5, 1, 3, 7.7, 20, 100})

// drawPacerHistory draws calls that come in crowds, and changes if withChanges is true.
func drawPacerHistory(rt *rapid.T, withChanges bool) pacerHistory {
	h := pacerHistory{rate: rates.Draw(rt, "rate")}
	for range rapid.IntRange(1, 8).Draw(rt, "crowds") {
		c := call{at: milliseconds(10_000).Draw(rt, "at"), class: fairness.Class(rapid.IntRange(0, 2).Draw(rt, "class"))}
		for range rapid.IntRange(1, 40).Draw(rt, "calls") {
			c.patience = 1 + milliseconds(20).Draw(rt, "patience")*time.Duration(rapid.SampledFrom([]int{1, 50, 1000}).Draw(rt, "times"))
			h.calls = append(h.calls, c)
		}
	}
	if !withChanges {
		return h
	}
	for range rapid.IntRange(0, 12).Draw(rt, "changes") {
		c := change{at: milliseconds(12_000).Draw(rt, "at")}
		switch rapid.IntRange(0, 3).Draw(rt, "kind") {
		case 0:
			c.rate = rates.Draw(rt, "rate")
		case 1:
			c.is429, c.after = true, milliseconds(3_000).Draw(rt, "after")
		}
		h.changes = append(h.changes, c)
	}
	return h
}

// play runs the history in virtual time and fills in the outcomes.
func (h *pacerHistory) play(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := fairness.NewPacer(h.rate)
		begun := time.Now()
		var wg sync.WaitGroup
		for i := range h.calls {
			wg.Go(func() {
				c := &h.calls[i]
				time.Sleep(c.at)
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				c.granted = p.Wait(ctx, c.class) == nil
				c.ended = time.Since(begun)
			})
		}
		for _, c := range h.changes {
			wg.Go(func() {
				time.Sleep(c.at)
				switch {
				case c.rate > 0:
					p.SetRate(c.rate)
				case c.is429:
					p.Penalize(c.after)
				default:
					p.Answered()
				}
			})
		}
		wg.Wait()
		if p.Waiting() != (fairness.Counts{}) {
			t.Error("calls are counted that wait no longer")
		}
	})
}

// granted returns the number of grants within a span, both ends included.
func (h *pacerHistory) granted(from, to time.Duration) (n fairness.Counts) {
	for _, c := range h.calls {
		if c.granted && c.ended >= from && c.ended <= to {
			n[c.class]++
		}
	}
	return n
}

// tooFast returns an error if more calls started within any span than the highest rate
// and a burst of one second allow.
func (h *pacerHistory) tooFast() error {
	rate := h.rate
	for _, c := range h.changes {
		rate = max(rate, c.rate)
	}
	times := []time.Duration{}
	for _, c := range h.calls {
		if c.granted {
			times = append(times, c.ended)
		}
	}
	slices.Sort(times)
	for i, from := range times {
		for j, to := range times[i:] {
			if most := max(1, rate) + rate*(to-from).Seconds(); float64(j+1) > most+1e-6 {
				return fmt.Errorf("%d calls in %v at a rate of %v", j+1, to-from, rate)
			}
		}
	}
	return nil
}

// tooSlow returns an error if a token was lost while a call waited, or if a waiting class
// got less than its share.
func (h *pacerHistory) tooSlow() error {
	shares := [fairness.Classes]float64{0.4, 0.125, 0.1}
	for _, c := range h.calls {
		n := h.granted(c.at, c.ended)
		if least := math.Floor((c.ended-c.at).Seconds()*h.rate - 1e-6); float64(sum(n)) < least-1 {
			return fmt.Errorf("a call waited from %v to %v at a rate of %v, but only %v calls started meanwhile", c.at, c.ended, h.rate, n)
		}
		if least := math.Floor(float64(sum(h.granted(c.at+1, c.ended-1))) * shares[c.class]); float64(n[c.class]) < least-2 {
			return fmt.Errorf("a call of class %v waited from %v to %v, but its class got little of %v", c.class, c.at, c.ended, n)
		}
	}
	return nil
}

func TestPacerKeepsToTheRateInRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawPacerHistory(rt, true)
		h.play(t)
		if err := h.tooFast(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestPacerLosesNoTokenAndStarvesNoClassInRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawPacerHistory(rt, false)
		h.play(t)
		if err := h.tooFast(); err != nil {
			rt.Fatal(err)
		}
		if err := h.tooSlow(); err != nil {
			rt.Fatal(err)
		}
	})
}
