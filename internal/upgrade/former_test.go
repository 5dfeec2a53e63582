package upgrade_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/upgrade"
)

// unpack returns the folder of a server of the former version, killed under load; see
// testdata/make.sh.
func unpack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", "testdata/former.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	path := filepath.Join(dir, "nats")
	_, err := os.Stat(path)
	check(t, err)
	return path
}

// TestRunOnRealData migrates the data of a real former server: 15 events with a different part
// finished by each vendor, a replay in flight, and a paused vendor.
func TestRunOnRealData(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{Dir: unpack(t)})))
	check(t, err)
	e := &env{t: t, js: js}
	c := config
	c.Vendors = []string{"miestro", "meiro", "lead", "magloft", "usermost"}
	c.HoldFresh = 0 // the stored hold may be recent
	floors := map[string]uint64{}
	for _, v := range c.Vendors {
		consumer, err := js.Consumer(t.Context(), bus.EventsStream, "usher-"+v+"-lifecycle")
		check(t, err)
		floors[v] = consumer.CachedInfo().AckFloor.Stream
	}
	check(t, upgrade.Run(t.Context(), js, c))
	for _, v := range c.Vendors {
		e.wantPosition(v, floors[v])
	}
	if floors["magloft"] < 12 || floors["miestro"] < 8 || floors["lead"] < 8 {
		t.Errorf("the former consumers have acknowledged up to %v", floors)
	}
	if _, paused := e.pause("meiro"); !paused {
		t.Error("the pause was lost")
	}
	stream := e.stream(bus.ReplaysStream)
	m, err := stream.GetMsg(t.Context(), 1)
	check(t, err)
	if r, ok := bus.ReadReplay(m.Header); !ok || r.Number != 1 || m.Subject != "usher.replay.miestro.user.created" {
		t.Errorf("got the replay %+v on %s", r, m.Subject)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("got %d replays, want 1", n)
	}
	_, err = streams.OpenLag(t.Context(), streams.Client{JetStream: js}, streams.CounterConfig{Stream: bus.EventsStream, Consumer: "usher-miestro-lifecycle"})
	check(t, err)
}
