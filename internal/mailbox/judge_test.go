package mailbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// An account of another user is asked for a few times, within about a minute whatever went before,
// and then the effect is a dead letter. While the events of the other user decide, the effect waits.
func TestConflictsAreTriedAFewTimes(t *testing.T) {
	c := &Config{MaxAge: time.Hour, RetryMin: time.Second, RetryMax: 10 * time.Minute, CallTimeout: time.Second}
	now := time.Now()
	held := &heldError{account: "7", holder: "acme.1"}
	for name, test := range map[string]struct {
		cause  error
		effect record.Effect
		ends   bool
		within time.Duration // of the pause
		strike bool
	}{
		"first":                      {held, record.Effect{Attempts: 1}, false, time.Second, true},
		"after an outage":            {held, record.Effect{Attempts: 30}, false, time.Second, true},
		"the last but one":           {held, record.Effect{Attempts: 7, Strikes: 6}, false, 64 * time.Second, true},
		"the last":                   {held, record.Effect{Attempts: 8, Strikes: 7}, true, 0, false},
		"the vendor was changed":     {fmt.Errorf("%w (%w)", held, handlers.ErrChanged), record.Effect{Attempts: 1}, false, 2 * time.Second, true},
		"events of the other decide": {&heldError{changing: true}, record.Effect{Attempts: 8, Strikes: 7}, false, 128 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.effect.Begun = now
			pause, o := judge(c, &test.effect, test.cause, now)
			if o.Class != ClassConflict || o.Message == "" || (o.Kind == events.Failed) != test.ends {
				t.Errorf("got the class %q, kind %q, message %q", o.Class, o.Kind, o.Message)
			}
			if wait := pause.Due.Sub(now); !test.ends && (wait < 0 || wait > test.within) || pause.Strike != test.strike {
				t.Errorf("got a pause of %s (strike %v), want at most %s", wait, pause.Strike, test.within)
			}
		})
	}
}
