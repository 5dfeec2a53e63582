//go:build river

package bench

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// TestRepeatsAtRiver checks that the contestant calls once for an event that is twice in the stream.
func TestRepeatsAtRiver(t *testing.T) {
	const n = 200
	ctx, dir := t.Context(), t.TempDir()
	c := Config{Self: filepath.Join(dir, "usher-bench"), River: filepath.Join(dir, "river")}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", c.Self, "../cmd/usher-bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	err := process.BuildModule(ctx, c.River, "tools/river")
	if err == nil {
		c.Postgres, err = FindPostgres("")
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &env{config: c, plan: Plan{Load: loads[0], Events: n, Concurrency: 16}, contestant: OnRiver, dir: dir}
	t.Cleanup(func() {
		s.close()
		if err := s.database.remove(); err != nil {
			t.Error(err)
		}
	})
	for _, step := range []func() error{
		func() error { return s.open(ctx) }, func() error { return s.publishAll(ctx) }, func() error { return s.publishAgain(t) },
		func() error { return s.startWorkers(ctx) }, func() error { return s.finished(ctx) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	acked := process.Wait{For: "all messages are acked", Needs: s.processes()}
	err = acked.Until(ctx, func() bool {
		consumer, err := s.js.Consumer(ctx, streams.EventsStream, durable("usermost"))
		return err == nil && consumer.CachedInfo().AckFloor.Stream == 2*n
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked, err := s.asked(ctx); err != nil || asked.Calls != n || asked.Distinct != n {
		t.Errorf("got %+v, %v, want %d calls", asked, err, n)
	}
}

// publishAgain publishes all events of the plan without message ids, past the duplicate window.
func (s *env) publishAgain(t *testing.T) error {
	for i := range s.plan.Events {
		e, err := s.plan.Load.event(i, s.sent[i])
		if err != nil {
			return err
		}
		header, payload, err := events.ToNATS(e)
		if err != nil {
			return err
		}
		delete(header, nats.MsgIdHdr)
		if _, err := s.js.PublishMsg(t.Context(), &nats.Msg{Subject: e.Type(), Header: header, Data: payload}); err != nil {
			return err
		}
	}
	return nil
}
