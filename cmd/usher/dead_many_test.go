package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// A dry run of a thousand dead letters is to take less than five seconds.
func TestDryRunOfThousandDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set()
	if err := admin.New(set.Client, engine.Layout(config.Default())).Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	accounts, err := recordstore.Open(t.Context(), streams.Client{JetStream: set.Client.JetStream}, streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	const letters = 1000
	for i := range letters {
		id := fmt.Sprintf("u%04d", i)
		w.addDeadLetter(set, id, time.Hour, as)
		if i%2 == 0 { // every other one was overtaken by a newer one
			newer := func(r *record.Record) { r.Lifecycle = events.Position{Epoch: 1, Seq: 9} }
			if err := accounts.Change(t.Context(), record.AccountKey("lead", id), newer); err != nil {
				t.Fatal(err)
			}
		}
	}
	begun := time.Now()
	out := w.must("dead", "replay", "--all", "--max", "1000", "--dry-run")
	t.Logf("a dry run of %d dead letters took %s", letters, time.Since(begun).Round(time.Millisecond))
	if calls, superseded := strings.Count(out, "\twould call"), strings.Count(out, "\twould be superseded"); calls != letters/2 || superseded != letters/2 {
		t.Errorf("got %d that would call and %d superseded, want half and half", calls, superseded)
	}
}

// Interrupted and run again, a replay goes on with those that were not sent.
func TestInterruptedReplayResumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := w.set()
	if err := admin.New(set.Client, engine.Layout(config.Default())).Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		w.addDeadLetter(set, fmt.Sprintf("i%d", i), time.Duration(9-i)*time.Hour, as)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	out, ended := &natstest.Log{}, make(chan error, 1)
	go func() { // sends one, and the next after more than anybody waits
		ended <- run(ctx, app.Environment{
			Args: []string{"dead", "replay", "--all", "--max", "9", "--rate", "0.001"}, Environ: w.environ, Stdout: out, Stderr: io.Discard,
		})
	}()
	w.until("the first is sent", func() bool { return w.states()["i0"] == ops.DeadReplaying })
	interrupt()
	err := natstest.Receive(t, "the end of the replay", ended)
	if !errors.Is(err, app.ErrInterrupted) || !strings.Contains(err.Error(), "run it again to go on") || strings.Count(out.String(), "sent back\t") != 1 {
		t.Errorf("interrupted: got %v and\n%s\nwant one that was sent, and advice", err, out.String())
	}
	if diff := cmp.Diff(map[string]string{"i0": ops.DeadReplaying, "i1": ops.DeadWaiting, "i2": ops.DeadWaiting}, w.states()); diff != "" {
		t.Errorf("states after it was interrupted (-want +got)\n%s", diff)
	}
	begun := time.Now()
	if out := w.must("dead", "replay", "--all", "--max", "9", "--rate", "5"); strings.Count(out, "sent back\t") != 2 || strings.Contains(out, "\ti0\t") {
		t.Errorf("run again: got\n%s\nwant the other two", out)
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("two at 5 a second took %s", took)
	}
}
