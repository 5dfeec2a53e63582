package natstest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// failure is a testing.TB that records the failure of a test.
type failure struct {
	testing.TB
	text string
}

func (*failure) Helper() {}

// Fatalf ends the calling test function by a panic, as testing.T ends the goroutine.
func (f *failure) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

// TestTimeoutNamesTheCondition runs in the virtual time of synctest.
func TestTimeoutNamesTheCondition(t *testing.T) {
	for name, wait := range map[string]func(testing.TB){
		"until":   func(t testing.TB) { natstest.Until(t, "rain", func() bool { return false }) },
		"receive": func(t testing.TB) { natstest.Receive(t, "rain", make(chan int)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failure{TB: t}
				defer func() {
					if recover() != f || !strings.Contains(f.text, "rain") {
						t.Errorf("got %q, want a failure with the name of the condition", f.text)
					}
				}()
				wait(f)
			})
		})
	}
}

func TestEnsureCreatesStreams(t *testing.T) {
	nc := natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{}))
	b := natstest.Ensure(t, nc, natstest.Layout())
	if differences, err := b.Check(t.Context(), bus.Wanted{}); err != nil || len(differences) > 0 {
		t.Errorf("got %v (%v), want no difference from the layout", differences, err)
	}
}

func TestLogIsReadDuringWrites(t *testing.T) {
	var log natstest.Log
	go func() {
		for range 100 {
			fmt.Fprint(&log, ".")
		}
	}()
	natstest.Until(t, "all is written", func() bool { return len(log.String()) == 100 })
}

func TestFull(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		t.Setenv("USHER_TEST_FULL", value)
		if got := natstest.Full(); got != want {
			t.Errorf("USHER_TEST_FULL=%s: got %v, want %v", value, got, want)
		}
	}
}
