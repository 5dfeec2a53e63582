package bench

import (
	"testing"
	"time"
)

func TestSoakJudgesTheGrowthOfMemory(t *testing.T) {
	const mb = 1 << 20
	for name, test := range map[string]struct {
		seconds int
		memory  func(second int) int64
		want    bool
	}{
		"flat":                             {600, func(int) int64 { return 100 * mb }, true},
		"a rise at the start":              {600, func(s int) int64 { return int64(min(100, 40+s)) * mb }, true},
		"growth of the index":              {600, func(s int) int64 { return 100*mb + int64(s)*1000*indexBytes }, true},
		"growth of twice the index":        {6000, func(s int) int64 { return 100*mb + int64(s)*1000*2*indexBytes }, false},
		"growth beyond a twentieth":        {600, func(s int) int64 { return 100*mb + int64(s)*mb/10 }, false},
		"too few samples for ten averages": {9, func(int) int64 { return 100 * mb }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var samples []soakSample
			for i := range test.seconds {
				samples = append(samples, soakSample{at: time.Duration(i) * time.Second, memory: test.memory(i), disk: mb, sent: 1000 * i})
			}
			if got := newSoak(1000, 1000*test.seconds, samples); got.Goal.Met != test.want {
				t.Errorf("got %+v, want %v", got.Goal, test.want)
			}
		})
	}
}
