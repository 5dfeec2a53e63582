package mailbox

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// The failures of an outage make one line a minute, whatever their number.
func TestFailuresAreLoggedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Failures
		var log bytes.Buffer
		for range 5 * 60 * 100 {
			f.failed(zerolog.New(&log), "acme", errors.New("no responders"))
			time.Sleep(10 * time.Millisecond)
		}
		if n := strings.Count(log.String(), "\n"); n != 5 {
			t.Errorf("%d lines of five minutes", n)
		}
		if !strings.Contains(log.String(), `"failures":6000`) || f.Total() != 30_000 || !f.Failing() {
			t.Errorf("got %d failures (%v), log:\n%s", f.Total(), f.Failing(), log.String())
		}
		if f.succeeded(); f.Failing() {
			t.Error("steps still fail after a success")
		}
	})
}
