package dead

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTally(t *testing.T) {
	of := func(classes ...string) (list []ops.Letter) {
		for _, class := range classes {
			list = append(list, ops.Letter{DeadLetter: streams.DeadLetter{Class: class}})
		}
		return list
	}
	for want, list := range map[string][]ops.Letter{
		"0 dead letters":         nil,
		"1 dead letter: 1 panic": of("panic"),
		"4 dead letters: 2 permanent, 1 exhausted, 1 panic": of("panic", "permanent", "exhausted", "permanent"),
	} {
		if got := tally(list); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPayloadWithoutControlCharacters(t *testing.T) {
	if got, want := payload([]byte("{\"a\":\"\u009b31m\x7f\"}")), "{\n  \"a\": \" 31m \"\n}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
