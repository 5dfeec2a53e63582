package dead

import "testing"

// TestStallBeginsOnceBetweenTwoEnds looks at replays that end, stand still, end, and stand still again.
func TestStallBeginsOnceBetweenTwoEnds(t *testing.T) {
	var s stall
	begun := 0
	for _, ended := range []int{0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4} {
		if s.begins(ended) {
			begun++
		}
	}
	if begun != 2 {
		t.Errorf("got %d stalls, want 2", begun)
	}
}
