package fairness_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

const (
	fresh    = fairness.Fresh
	wake     = fairness.Wake
	activity = fairness.Activity
)

// fill admits until no slot is free, and returns the order.
func fill(s *fairness.Slots, waiting fairness.Counts, freshFor time.Duration) []fairness.Class {
	var order []fairness.Class
	for {
		c, ok := s.Admit(waiting, freshFor)
		if !ok {
			return order
		}
		order = append(order, c)
		waiting[c]--
	}
}

func TestSlotsAreDividedByClass(t *testing.T) {
	const many = 1000
	for name, test := range map[string]struct {
		total    int
		waiting  fairness.Counts
		freshFor time.Duration
		want     fairness.Counts
	}{
		"all wait":                          {32, fairness.Counts{many, many, many}, 0, fairness.Counts{12, 16, 4}},
		"all wait, fresh for long":          {32, fairness.Counts{many, many, many}, time.Second, fairness.Counts{24, 4, 4}},
		"fresh and wakes":                   {32, fairness.Counts{many, many, 0}, 0, fairness.Counts{16, 16, 0}},
		"fresh and wakes, fresh for long":   {32, fairness.Counts{many, many, 0}, time.Second, fairness.Counts{28, 4, 0}},
		"fresh and activity":                {32, fairness.Counts{many, 0, many}, 0, fairness.Counts{28, 0, 4}},
		"wakes and activity":                {32, fairness.Counts{0, many, many}, 0, fairness.Counts{0, 24, 4}},
		"only fresh":                        {32, fairness.Counts{many, 0, 0}, 0, fairness.Counts{32, 0, 0}},
		"only wakes":                        {32, fairness.Counts{0, many, 0}, 0, fairness.Counts{0, 28, 0}},
		"only activity":                     {32, fairness.Counts{0, 0, many}, 0, fairness.Counts{0, 0, 28}},
		"only wakes, many slots":            {256, fairness.Counts{0, many, 0}, 0, fairness.Counts{0, 252, 0}},
		"only wakes, few slots":             {2, fairness.Counts{0, many, 0}, 0, fairness.Counts{0, 1, 0}},
		"only wakes, one slot":              {1, fairness.Counts{0, many, 0}, 0, fairness.Counts{0, 1, 0}},
		"wakes leave some of their share":   {32, fairness.Counts{many, 2, 0}, 0, fairness.Counts{30, 2, 0}},
		"activity takes the rest":           {32, fairness.Counts{3, 5, many}, 0, fairness.Counts{3, 5, 23}},
		"an eighth is at least one":         {4, fairness.Counts{many, many, 0}, time.Second, fairness.Counts{3, 1, 0}},
		"a half is rounded down":            {5, fairness.Counts{many, many, 0}, 0, fairness.Counts{3, 2, 0}},
		"three slots":                       {3, fairness.Counts{many, many, many}, 0, fairness.Counts{1, 1, 1}},
		"one slot goes to fresh work first": {1, fairness.Counts{many, many, many}, 0, fairness.Counts{1, 0, 0}},
		"a total below one counts as one":   {0, fairness.Counts{many, 0, 0}, 0, fairness.Counts{1, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := fairness.NewSlots(test.total)
			fill(s, test.waiting, test.freshFor)
			if diff := cmp.Diff(test.want, s.Busy()); diff != "" {
				t.Errorf("slots in use (-want +got)\n%s", diff)
			}
		})
	}
}

// TestSlotsFreshWorkTakesWhatEnds is about fresh work that meets slots full of wakes.
func TestSlotsFreshWorkTakesWhatEnds(t *testing.T) {
	s := fairness.NewSlots(8)
	fill(s, fairness.Counts{0, 100, 0}, 0)
	if c, ok := s.Admit(fairness.Counts{100, 100, 0}, 0); !ok || c != fresh {
		t.Fatalf("got %v, %v beside wakes in all slots that they may take, want fresh", c, ok)
	}
	for range 3 {
		s.End(wake)
		if c, ok := s.Admit(fairness.Counts{100, 100, 0}, 0); !ok || c != fresh {
			t.Fatalf("got %v, %v while wakes have more than half, want fresh", c, ok)
		}
	}
	s.End(wake)
	if c, ok := s.Admit(fairness.Counts{100, 100, 0}, 0); !ok || c != wake {
		t.Errorf("got %v, %v while wakes have less than half, want a wake", c, ok)
	}
}

func TestOneSlotIsUsedInTurns(t *testing.T) {
	for name, test := range map[string]struct {
		waiting  fairness.Counts
		freshFor time.Duration
		want     fairness.Counts // of 400
	}{
		"all":                  {fairness.Counts{1, 1, 1}, 0, fairness.Counts{160, 200, 40}},
		"all, fresh for long":  {fairness.Counts{1, 1, 1}, time.Second, fairness.Counts{310, 50, 40}},
		"fresh and wakes":      {fairness.Counts{1, 1, 0}, 0, fairness.Counts{200, 200, 0}},
		"wakes and activity":   {fairness.Counts{0, 1, 1}, 0, fairness.Counts{0, 360, 40}},
		"fresh work, activity": {fairness.Counts{1, 0, 1}, 0, fairness.Counts{360, 0, 40}},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := fairness.NewSlots(1), fairness.Counts{}
			for range 400 {
				c, _ := s.Admit(test.waiting, test.freshFor)
				got[c]++
				s.End(c)
			}
			for c, n := range got {
				if off := n - test.want[c]; off < -1 || off > 1 {
					t.Errorf("got admissions %v, want about %v", got, test.want)
				}
			}
		})
	}
}

// slotsModel checks the rules of Slots at each step of a random history.
type slotsModel struct {
	slots   *fairness.Slots
	total   int
	busy    fairness.Counts
	waiting fairness.Counts
	passed  fairness.Counts // admissions of other classes since a waiting class without a slot was admitted
}

func (m *slotsModel) admit(freshFor time.Duration) error {
	c, ok := m.slots.Admit(m.waiting, freshFor)
	kept := min(max(1, m.total/8), 4)
	if m.total == 1 {
		kept = 0
	}
	mayAdmit := sum(m.busy) < m.total && (m.waiting[fresh] > 0 || (sum(m.waiting) > 0 && m.busy[wake]+m.busy[activity] < m.total-kept))
	switch {
	case ok != mayAdmit:
		return fmt.Errorf("got an admission %v with %v waiting and %v of %d in use", ok, m.waiting, m.busy, m.total)
	case !ok:
		return nil
	case c != fresh && m.busy[wake]+m.busy[activity] >= m.total-kept:
		return fmt.Errorf("got %v in a slot for fresh work: %v of %d in use", c, m.busy, m.total)
	case m.waiting[c] == 0:
		return fmt.Errorf("got %v, which does not wait: %v", c, m.waiting)
	}
	part := 2
	if freshFor >= time.Second {
		part = 8
	}
	if c == wake && m.waiting[fresh] > 0 && m.busy[wake] >= max(1, m.total/part) {
		return fmt.Errorf("got a wake while fresh work waits and %d of %d slots have wakes", m.busy[wake], m.total)
	}
	m.waiting[c]--
	m.busy[c]++
	for other := range fairness.Class(fairness.Classes) {
		if other == c || m.busy[other] > 0 || m.waiting[other] == 0 {
			m.passed[other] = 0
			continue
		}
		if m.passed[other]++; m.passed[other] > 10 {
			return fmt.Errorf("%v waits without a slot while others had %d admissions", other, m.passed[other])
		}
	}
	return nil
}

func sum(n fairness.Counts) int { return n[fresh] + n[wake] + n[activity] }

func TestSlotsInRandomHistories(t *testing.T) {
	classes := rapid.SampledFrom([]fairness.Class{fresh, wake, activity})
	rapid.Check(t, func(rt *rapid.T) {
		total := rapid.IntRange(1, 80).Draw(rt, "slots")
		m := slotsModel{slots: fairness.NewSlots(total), total: total}
		rt.Repeat(map[string]func(*rapid.T){
			"arrive": func(rt *rapid.T) { m.waiting[classes.Draw(rt, "class")] += rapid.IntRange(1, 50).Draw(rt, "count") },
			"admit": func(rt *rapid.T) {
				freshFor := rapid.SampledFrom([]time.Duration{0, 2 * time.Second}).Draw(rt, "fresh for")
				for range rapid.IntRange(1, 20).Draw(rt, "count") {
					if err := m.admit(freshFor); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"end": func(rt *rapid.T) {
				c := classes.Draw(rt, "class")
				for range rapid.IntRange(0, m.busy[c]).Draw(rt, "count") {
					m.slots.End(c)
					m.busy[c]--
				}
			},
			"": func(rt *rapid.T) {
				if diff := cmp.Diff(m.busy, m.slots.Busy()); diff != "" || sum(m.slots.Busy()) > total {
					rt.Fatalf("slots in use, of %d (-want +got)\n%s", total, diff)
				}
			},
		})
	})
}

func TestAnEndWithoutAnAdmissionChangesNothing(t *testing.T) {
	s := fairness.NewSlots(1)
	s.End(fresh)
	if got := len(fill(s, fairness.Counts{5, 0, 0}, 0)); got != 1 {
		t.Errorf("got %d admissions, want 1", got)
	}
}

func BenchmarkSlots(b *testing.B) {
	s := fairness.NewSlots(32)
	fill(s, fairness.Counts{100, 100, 100}, 0)
	b.ReportAllocs()
	last := fresh
	for b.Loop() {
		s.End(last)
		last, _ = s.Admit(fairness.Counts{100, 100, 100}, 0)
	}
}
