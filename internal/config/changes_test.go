package config

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReloadedKeepsFixedSettings changes every setting: after a reload, those that need a restart
// are as before, and all others are new.
func TestReloadedKeepsFixedSettings(t *testing.T) {
	t.Parallel()
	old, next := Default(), Default()
	for _, s := range next.settings() {
		s.value.SetZero()
	}
	next.NATS.URL, next.HTTP.Tokens, next.Courses = "nats://n:4222", Tokens{"0123456789abcdef"}, Courses{"go-101": {"lead": "7"}}
	all := old.Changes(next)
	for _, key := range []string{"nats.url", "http.addr", "http.tokens", "courses", "deletions.count", "worker.ack_wait"} {
		if !slices.Contains(all, key) {
			t.Errorf("%s is no change, want it to be one: %v", key, all)
		}
	}
	left := next.Changes(old.Reloaded(next))
	if diff := cmp.Diff(NeedRestart(all), left); diff != "" {
		t.Errorf("a reload leaves other settings than those that need a restart (-want +got)\n%s", diff)
	}
	if slices.Contains(NeedRestart(all), "http.tokens") || slices.Contains(NeedWorkers(all), "http.tokens") || !slices.Contains(NeedWorkers(all), "courses") {
		t.Errorf("restart: %v, workers: %v", NeedRestart(all), NeedWorkers(all))
	}
	if got := next.Changes(next); len(got) > 0 {
		t.Errorf("got %v for no change", got)
	}
}
