package cli

import "testing"

// TestGCPercent holds the growth of the heap to the room, and to the bounds.
func TestGCPercent(t *testing.T) {
	for name, test := range map[string]struct {
		live uint64
		want int
	}{
		"no collection yet": {0, 200},
		"one vendor":        {25 << 20, 200},
		"the constant room": {64 << 20, 100},
		"five vendors":      {80 << 20, 80},
		"a flood":           {128 << 20, 50},
		"a larger flood":    {1 << 30, 50},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gcPercent(test.live); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
