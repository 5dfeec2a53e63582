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
	tries.Forget("a")
	if tries.Take("a") != 0 {
		t.Error("they are not forgotten")
	}
	for i := range maxLimiters + 10 {
		tries.Take(string(rune(i)) + "x")
	}
	if len(tries.by) > maxLimiters {
		t.Errorf("%d addresses are remembered", len(tries.by))
	}
}
