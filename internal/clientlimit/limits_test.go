package clientlimit

import (
	"testing"

	"golang.org/x/time/rate"
)

func TestCallsOfOneDoNotCountForAnother(t *testing.T) {
	const atOnce = 5
	tries := NewLimits(rate.Limit(1.0/12), atOnce)
	for range atOnce {
		tries.Take("a")
	}
	if tries.Take("a") == 0 || tries.Take("b") != 0 {
		t.Error("tries are not counted by address")
	}
	if tries.Spend("c", 3) != 0 || tries.Spend("c", 3) == 0 || tries.Spend("c", 2) != 0 {
		t.Error("units are not counted")
	}
	if tries.Spend("d", 100) != 0 {
		t.Error("more than a burst can never be spent")
	}
	for i := range maxLimiters + 10 {
		tries.Take(string(rune(i)) + "x")
	}
	if len(tries.by) > maxLimiters {
		t.Errorf("%d addresses are remembered", len(tries.by))
	}
}
