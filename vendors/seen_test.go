package vendors_test

import (
	"testing"

	"github.com/usherhq/usher/vendors"
)

func TestSeenTexts(t *testing.T) {
	var s vendors.Seen
	for i, step := range []struct {
		text  string
		isNew bool
	}{{"", true}, {"a", true}, {"b", true}, {"a", false}, {"", false}} {
		if got := s.Add(step.text); got != step.isNew {
			t.Errorf("step %d: got %v for %q, want %v", i, got, step.text, step.isNew)
		}
	}
	if s.Len() != 3 {
		t.Errorf("got %d texts, want 3", s.Len())
	}
}
