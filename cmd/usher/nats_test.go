package main

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/cli"
)

// TestNATSCheckAndApply raises a limit of consumers that are there already.
func TestNATSCheckAndApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.until("nats check finds all that serve makes", func() bool {
		out, err := w.try("nats", "check")
		return err == nil && out == ""
	})
	w.environ = append(w.environ, "USHER_WORKER_MAX_ACK_PENDING=30000")
	out, err := w.try("nats", "check")
	if err == nil || cli.ExitCode(err) != cli.ExitFailed || strings.Count(out, "max_ack_pending\t20000\t30000") != 1 {
		t.Errorf("nats check: %v, exit code %d, and\n%s\nwant the limit of the one consumer that is pulled from", err, cli.ExitCode(err), out)
	}
	w.must("nats", "apply")
	if out := w.must("nats", "check"); out != "" {
		t.Errorf("after nats apply nats check says %s", out)
	}
	w.environ = []string{"USHER_NATS_URL=" + w.nats}
	w.must("nats", "check")
	if !strings.Contains(w.log.String(), "no vendor is on here: consumers are not compared") {
		t.Error("where no vendor is on, it is not said that no consumer was compared")
	}
	w.end()
}
