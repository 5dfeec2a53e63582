package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/core"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// provisioner is a vendor without accounts that creates any account.
type provisioner struct{}

func (provisioner) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (provisioner) Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error) {
	return vendors.Account{ID: "7"}, nil
}

// TestOneEvent carries out no event and one event. scripts/eventpath compares the two runs.
func TestOneEvent(t *testing.T) {
	for name, test := range map[string]struct{ events, writes uint64 }{
		"idle":      {0, 0},
		"one event": {1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fine)
			w.deps = func(d *core.Deps) {
				d.Port, d.Handlers = provisioner{}, []handlers.Handler{handlers.UserCreated()}
				d.History = history.New(streams.Client{JetStream: w.js}, bus.HistoryStream)
			}
			p := w.start()
			natstest.Until(w, "the lease was renewed", func() bool { return p.core.Stats().Owner && w.stream("LEASES").LastSeq > 8 })
			// Events of this type are of another vendor.
			for _, event := range []string{events.UserDeleted, events.UserCreated}[:1+test.events] {
				e, err := events.New(event, "/school", "e1", time.Time{}, map[string]any{"user_id": "u1", "email": "u1@school.example"})
				w.check(err)
				_, err = w.bus.Send(w.Context(), e)
				w.check(err)
			}
			natstest.Until(w, "the results are there", func() bool { return uint64(len(w.results())) == test.events })
			natstest.Until(w, "the position is committed", func() bool { return w.position().Seq == 2*test.events })
			p.stop()
			for stream, want := range map[string]uint64{
				"KV_" + bus.AccountsKV: test.writes, bus.ResultsStream: test.events, bus.HistoryStream: test.events, "TIMERS": 1,
			} {
				if got := w.stream(stream).LastSeq; got != want {
					t.Errorf("stream %s has got %d messages, want %d", stream, got, want)
				}
			}
		})
	}
}

// position returns the committed position.
func (w *world) position() events.Position {
	w.Helper()
	o, err := streams.OpenOwnership(w.Context(), streams.Client{JetStream: w.js}, vendorName)
	w.check(err)
	p, err := o.Position(w.Context())
	w.check(err)
	return p
}
