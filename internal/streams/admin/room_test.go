package admin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// roomy starts a server with room for so many bytes, and returns the management of a layout.
func roomy(t *testing.T, bytes int64, room admin.Room) world {
	t.Helper()
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: bytes, DontListen: true, NoSigs: true, SyncAlways: false})
	check(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(s))
	check(t, err)
	t.Cleanup(nc.Close)
	l := layout
	l.Room = room
	return worldOf(t, nc, l)
}

// limits returns the limits of the streams at the server, by name.
func (w world) limits(t *testing.T) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for i := range w.js.ListStreams(t.Context()).Info() {
		found[i.Config.Name] = i.Config.MaxBytes
		if i.Config.MaxBytes > 0 && i.Config.Discard != jetstream.DiscardNew {
			t.Errorf("%s has a limit and discards old messages", i.Config.Name)
		}
	}
	return found
}

// TestEveryStreamHasALimit checks the limits of a new installation: every stream but TIMERS has
// one, discards new messages, and all fit into the room.
func TestEveryStreamHasALimit(t *testing.T) {
	t.Parallel()
	const total = 32 << 30
	cases := map[string]struct {
		server int64
		room   admin.Room
		most   int64 // of all limits
		least  int64
	}{
		"the server has the room":    {1 << 40, admin.Room{Total: total}, total, total * 9 / 10},
		"a small server":             {10 << 30, admin.Room{Total: total}, 10 << 30, 4 << 30},
		"limits of single streams":   {1 << 40, admin.Room{Total: total, Own: map[string]int64{"RESULTS": 1 << 20, "LEASES": 1 << 20}}, total, 10 << 30},
		"a total chosen by a person": {1 << 40, admin.Room{Total: 2 << 30, Fixed: true}, 2 << 30, 1 << 30},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := roomy(t, c.server, c.room)
			check(t, w.Ensure(t.Context()))
			check(t, admin.EnsureWorker(t.Context(), w.js, admin.Workers{Room: c.room}))
			sum := int64(0)
			found := w.limits(t)
			for stream, limit := range found {
				if limit <= 0 && stream != "TIMERS" {
					t.Errorf("%s has no limit", stream)
				}
				sum += max(0, limit)
			}
			if len(found) != 16 || found["TIMERS"] > 0 || sum > c.most || sum < c.least {
				t.Errorf("got %d streams with %d bytes in all, want 16 with %d to %d, and none for TIMERS: %v", len(found), sum, c.least, c.most, found)
			}
		})
	}
}

func TestNoLimits(t *testing.T) {
	t.Parallel()
	w := roomy(t, 1<<30, admin.Room{Fixed: true})
	check(t, w.Ensure(t.Context()))
	for stream, limit := range w.limits(t) {
		if limit > 0 {
			t.Errorf("%s has the limit %d", stream, limit)
		}
	}
}

func TestChosenTotalNeedsTheRoom(t *testing.T) {
	t.Parallel()
	w := roomy(t, 1<<30, admin.Room{Total: 100 << 30, Fixed: true})
	if err := w.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "nats.storage (USHER_NATS_STORAGE)") {
		t.Errorf("got %v, want an error that names the setting", err)
	}
}

// TestUpgradeKeepsFullStreams checks an installation from before the limits: nothing changes at
// the start, apply sets the limits of streams with room, and keeps every message.
func TestUpgradeKeepsFullStreams(t *testing.T) {
	t.Parallel()
	room := admin.Room{Total: 1 << 20} // HISTORY gets 80 KiB
	w := roomy(t, 1<<40, admin.Room{})
	check(t, w.Ensure(t.Context()))
	for range 100 {
		_, err := w.js.Publish(t.Context(), "usher.history.ab", make([]byte, 1000))
		check(t, err)
	}
	l := layout
	l.Room = room
	upgraded := worldOf(t, w.nc, l)
	check(t, upgraded.Ensure(t.Context()))
	if got := upgraded.limits(t)["RESULTS"]; got > 0 {
		t.Errorf("the start changed a limit to %d", got)
	}
	_, err := upgraded.Apply(t.Context(), admin.Wanted{})
	check(t, err)
	if got := upgraded.limits(t); got["HISTORY"] > 0 || got["RESULTS"] <= 0 {
		t.Errorf("got %v, want no limit for HISTORY, which holds more, and one for RESULTS", got)
	}
	found, err := upgraded.Check(t.Context(), admin.Wanted{})
	if err != nil || len(found) > 0 {
		t.Errorf("got %v, %v; want no difference", found, err)
	}
	l.Room.Own = map[string]int64{"HISTORY": 50_000}
	_, err = worldOf(t, w.nc, l).Apply(t.Context(), admin.Wanted{})
	check(t, err)
	if i := w.info(t, streams.HistoryStream); i.Config.MaxBytes != 50_000 || i.State.Msgs != 100 {
		t.Errorf("got %d messages and the limit %d, want all 100 with the limit that a person chose", i.State.Msgs, i.Config.MaxBytes)
	}
	if _, err := w.js.Publish(t.Context(), "usher.history.ab", nil); err == nil {
		t.Error("a full stream took a message")
	}
}

// TestFullDeadLettersKeepAll checks that a full stream of dead letters refuses a further letter,
// takes a newer version of a stored letter, and loses none.
func TestFullDeadLettersKeepAll(t *testing.T) {
	t.Parallel()
	w := roomy(t, 1<<40, admin.Room{Total: 1 << 40, Own: map[string]int64{streams.DeadLettersStream: 8 << 10}})
	check(t, w.Ensure(t.Context()))
	stored := 0
	for i := range 100 {
		err := w.set.DeadLetters.Add(t.Context(), deadLetter(string(rune('a'+i%26))+strings.Repeat("x", i/26+1)))
		if err != nil {
			if api := (*jetstream.APIError)(nil); !errors.As(err, &api) {
				t.Fatal(err)
			}
			break
		}
		stored++
	}
	if got := len(letters(t, w)); stored == 0 || stored == 100 || got != stored {
		t.Errorf("stored %d of 100, and %d are there: want all those stored, and fewer than 100", stored, got)
	}
	check(t, w.set.DeadLetters.Add(t.Context(), deadLetter("ax")))
	if got := len(letters(t, w)); got != stored {
		t.Errorf("got %d letters after a newer version of one, want %d", got, stored)
	}
}

// TestApplyFitsTheServer applies the limits to a small server without streams, and then finds no
// difference, also after the room has become less.
func TestApplyFitsTheServer(t *testing.T) {
	t.Parallel()
	room := admin.Room{Total: 32 << 30}
	w := roomy(t, 10<<30, room)
	wanted := admin.Wanted{Streams: admin.Workers{Room: room}.Streams()}
	_, err := w.Apply(t.Context(), wanted)
	check(t, err)
	for stream, limit := range w.limits(t) {
		if limit <= 0 && stream != "TIMERS" {
			t.Errorf("%s has no limit", stream)
		}
	}
	for _, total := range []int64{32 << 30, 4 << 30, 0} {
		l := layout
		l.Room = admin.Room{Total: total}
		found, err := worldOf(t, w.nc, l).Check(t.Context(), admin.Wanted{Streams: admin.Workers{Room: l.Room}.Streams()})
		if err != nil || len(found) > 0 {
			t.Errorf("with a room of %d: got %v, %v; want no difference", total, found, err)
		}
	}
}
