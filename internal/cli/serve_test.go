package cli

import "testing"

// TestGCPercent holds the growth of the heap to the room, and to the bounds.
func TestGCPercent(t *testing.T) {
	for name, test := range map[string]struct {
		live    uint64
		vendors int
		want    int
	}{
		"no collection yet": {0, 1, 200},
		"no vendor":         {100 << 20, 0, 64},
		"one vendor":        {25 << 20, 1, 200},
		"the constant room": {64 << 20, 1, 100},
		"five vendors":      {80 << 20, 5, 160},
		"a flood":           {128 << 20, 1, 50},
		"a larger flood":    {1 << 30, 5, 50},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gcPercent(test.live, test.vendors); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
