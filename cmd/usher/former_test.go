package main

import (
	"maps"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// The data of a former version that was killed under load: eight users were created everywhere
// but one at Miestro, whose replay was in hand; LEAD was on hold when four further users came.
// The stand-ins are empty, so that each account in them is one that this version has made, and
// each of the others would be a repeat.
func TestUpgradeFromOlderVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", "../../internal/upgrade/testdata/former.tar.gz", "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w := newWorldOn(t, filepath.Join(dir, "nats"))
	// A note of a hold is fresh for three of the first.
	w.environ = append(w.environ, "USHER_WORKER_HOLD_RETRY=1s", "USHER_NATS_EVENTS_MAX_AGE=876000h", "USHER_NATS_RESULTS_MAX_AGE=876000h", "USHER_ACTIVITY_MEMORY=876000h")
	w.keepResults()
	for _, vendor := range []string{"MIESTRO", "MEIRO", "LEAD", "MAGLOFT", "USERMOST"} {
		w.environ = append(w.environ, "USHER_"+vendor+"_MAX_AGE=87600h") // however old the data are
	}
	idle := w.accounts()
	w.serve()
	want := maps.Clone(idle)
	want["miestro"]++
	want["lead"] += 4
	w.until("what the former version left is done", func() bool { return cmp.Equal(w.accounts(), want) })

	// A consumer that is removed by hand brings nothing again.
	nc, err := nats.Connect(w.nats)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = js.DeleteConsumer(t.Context(), "EVENTS", "usher-magloft-lifecycle")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "later", `{"user_id":"later","email":"later@example.org","first_name":"A","last_name":"B"}`))
	for vendor := range want {
		want[vendor]++
	}
	w.until("the later user is created", func() bool { return cmp.Equal(w.accounts(), want) })
	w.end()
}

// keepResults lets RESULTS keep results for ever: no longer than activities are remembered would
// be refused.
func (w *world) keepResults() {
	w.t.Helper()
	nc, err := nats.Connect(w.nats)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	results, err := js.Stream(w.t.Context(), "RESULTS")
	if err != nil {
		w.t.Fatal(err)
	}
	config := results.CachedInfo().Config
	config.MaxAge = 0
	if _, err := js.UpdateStream(w.t.Context(), config); err != nil {
		w.t.Fatal(err)
	}
}

// accounts counts the accounts that the vendors hold, without the one that is paused.
func (w *world) accounts() map[string]int {
	w.t.Helper()
	n := map[string]int{}
	for name, v := range w.stands.State().Vendors {
		n[name] = len(v.Users)
	}
	delete(n, "meiro")
	return n
}
