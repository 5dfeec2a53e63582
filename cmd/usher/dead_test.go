package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// set returns the streams of the world, without usher in between.
func (w *world) set() *streams.Set {
	w.t.Helper()
	nc, err := nats.Connect(w.nats)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	return streams.NewSet(natstest.Client(w.t, nc), engine.Layout(config.Default()).Events)
}

// addDeadLetter stores a dead letter of lead for a creation that can be carried out, as
// one that was tried this long ago, and returns its ID.
func (w *world) addDeadLetter(set *streams.Set, id string, age time.Duration, change func(*streams.DeadLetter)) string {
	w.t.Helper()
	d := streams.DeadLetter{
		Vendor: "lead", Type: events.UserCreated, Key: events.Key("/school", id), EventID: id, Class: "permanent", Message: "status 422",
		Attempts: 3, LastTry: time.Now().Add(-age), Epoch: 1, Seq: 1, Subject: events.UserCreated,
		Payload: []byte(cloudEvent(events.UserCreated, id, fmt.Sprintf(`{"user_id":%q,"email":"%s@example.org","first_name":"A","last_name":"B"}`, id, id))),
	}
	change(&d)
	if err := set.DeadLetters.Add(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	return d.ID()
}

func as(*streams.DeadLetter) {}

// states are the states of the dead letters by the id of their event.
func (w *world) states(args ...string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, l := range w.letters(args...) {
		found[l.EventID] = l.State
	}
	return found
}

func TestActionsByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_ACTOR=ann@school")
	w.serve()
	t.Run("a dead letter leaves when its replay is confirmed", func(t *testing.T) { w.with(t).confirmed(t) })
	t.Run("quarantine", func(t *testing.T) { w.with(t).quarantined(t) })
	t.Run("a dry run", func(t *testing.T) { w.with(t).dryRun(t) })
	t.Run("ages", func(t *testing.T) { w.with(t).ages(t) })
	t.Run("a pause", func(t *testing.T) { w.with(t).paused(t) })
	t.Run("all is written down", func(t *testing.T) { w.with(t).audited(t) })
	w.stop()
	<-w.ended
}

// confirmed sends a dead letter back while its vendor is paused.
func (w *world) confirmed(t *testing.T) {
	set := w.set()
	first, second := w.addDeadLetter(set, "r1", 2*time.Hour, as), w.addDeadLetter(set, "r2", time.Hour, as)
	w.must("pause", "lead", "--reason", "a test")
	if out := w.must("dead", "replay", first, "--reason", "mended"); !strings.Contains(out, "sent back\t"+first) {
		t.Errorf("replay: got\n%s", out)
	}
	want := map[string]string{"r1": ops.DeadReplaying, "r2": ops.DeadWaiting}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("states while the vendor is paused (-want +got)\n%s", diff)
	}
	if shown := w.must("dead", "show", first); !strings.Contains(shown, "replaying since 20") {
		t.Errorf("show: got\n%s", shown)
	}
	if out, err := w.try("dead", "replay", first); err == nil || !strings.Contains(err.Error(), "nothing was done") || !strings.Contains(err.Error(), "is on its way since") {
		t.Errorf("replay of what is on its way: got %v and\n%s", err, out)
	}
	// Run again, it goes on with the one that was not sent.
	out := w.must("dead", "replay", "--all", "--max", "9", "--json")
	var summary struct {
		IDs       []string
		Replaying int
	}
	if err := json.Unmarshal([]byte(out), &summary); err != nil || len(summary.IDs) != 1 || summary.IDs[0] != second || summary.Replaying != 1 {
		t.Errorf("replay --all: got %s (%v), want %s, and one that is on its way", out, err, second)
	}
	w.must("dead", "replay", first, "--again", "0s") // no harm
	w.must("resume", "lead")
	w.until("both have left", func() bool { return len(w.letters()) == 0 })
	w.expect("r1", map[string]string{"lead": events.Done})
	w.expect("r2", map[string]string{"lead": events.Done})

	// The letter is back, as from a backup, and its replay comes after the duplicate window.
	w.addDeadLetter(set, "r1", time.Hour, as)
	d, err := set.DeadLetters.Get(t.Context(), "lead", events.UserCreated, events.Key("/school", "r1"))
	if err != nil {
		t.Fatal(err)
	}
	subject, header := d.AsAutomaticReplay()
	header[nats.MsgIdHdr] = []string{"later"}
	if _, err := set.Client.Publish(t.Context(), streams.ReplaysStream, &nats.Msg{Subject: subject, Header: header, Data: d.Payload}); err != nil {
		t.Fatal(err)
	}
	w.until("a replay that has ended before leaves no dead letter", func() bool { return len(w.letters()) == 0 })
}

// quarantined has a dead letter that was sent back five times.
func (w *world) quarantined(t *testing.T) {
	id := w.addDeadLetter(w.set(), "q1", time.Hour, func(d *streams.DeadLetter) { d.Replay = 5 })
	if diff := cmp.Diff(map[string]string{"q1": ops.DeadQuarantined}, w.states()); diff != "" {
		t.Errorf("states (-want +got)\n%s", diff)
	}
	if _, err := w.try("dead", "replay", id); err == nil || !strings.Contains(err.Error(), "it was sent back 5 times and failed each time (status 422)") {
		t.Errorf("got %v, want a refusal that says why", err)
	}
	if out := w.must("dead", "replay", "--all", "--max", "9", "--json"); !strings.Contains(out, `"quarantined": 1`) || strings.Contains(out, id) {
		t.Errorf("replay --all: got %s, want it left out", out)
	}
	w.must("dead", "replay", id, "--quarantined")
	w.until("it has left", func() bool { return len(w.letters()) == 0 })
	w.expect("q1", map[string]string{"lead": events.Done})
}

// dryRun previews replays that are then made.
func (w *world) dryRun(t *testing.T) {
	set := w.set()
	w.addDeadLetter(set, "d1", time.Hour, as)
	w.addDeadLetter(set, "d2", time.Hour, func(d *streams.DeadLetter) { d.Payload = []byte(cloudEvent(d.Type, "d2", `{"user_id":"d2"}`)) })
	done := w.addDeadLetter(set, "r1", time.Hour, as) // carried out above, as its first replay
	out := w.must("dead", "replay", "--all", "--max", "9", "--dry-run")
	for _, want := range []string{
		"d1\twould call the vendor", "d2\twould be refused again: /data/email: schema:required:", "r1\twas sent back already, and ended as done",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	want := map[string]string{"d1": ops.DeadWaiting, "d2": ops.DeadWaiting, "r1": ops.DeadWaiting}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("states after a dry run (-want +got)\n%s", diff)
	}
	w.must("dead", "drop", done, "--reason", "a test user")
	w.must("dead", "replay", "--all", "--max", "9")
	w.until("what is not at fault has left", func() bool { return len(w.letters()) == 1 && w.letters()[0].Replay == 1 })
	w.must("dead", "drop", w.letters()[0].ID, "--reason", "a test user")
}

func (w *world) ages(t *testing.T) {
	set := w.set()
	w.addDeadLetter(set, "o1", 50*time.Hour, as)
	w.addDeadLetter(set, "o2", 2*time.Hour, as)
	w.addDeadLetter(set, "o3", time.Minute, as)
	for args, want := range map[string]int{
		"": 3, "--older-than 1h": 2, "--newer-than 24h": 2, "--older-than 1h --newer-than 24h": 1, "--older-than 1h --vendor miestro": 0,
	} {
		if got := len(w.letters(strings.Fields(args)...)); got != want {
			t.Errorf("dead list %s: got %d, want %d", args, got, want)
		}
	}
	w.must("dead", "replay", "--all", "--max", "9", "--older-than", "1h")
	w.until("the older ones have left", func() bool { return len(w.letters()) == 1 })
	w.must("dead", "drop", w.letters()[0].ID, "--reason", "a test user")
}

// paused holds one vendor up, and no other.
func (w *world) paused(t *testing.T) {
	var state ops.PauseState
	out := w.must("pause", "lead", "--for", "1h", "--json")
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		t.Fatal(err)
	}
	if state.Vendor != "lead" || !state.Paused || state.Until == nil || time.Until(*state.Until) < 50*time.Minute {
		t.Errorf("got %s, want lead paused for an hour", out)
	}
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "p1", `{"user_id":"p1","email":"p1@example.org","first_name":"A","last_name":"B"}`))
	others := map[string]string{"miestro": "done", "meiro": "done", "magloft": "done", "usermost": "done"}
	w.expect("p1", others)
	w.until("the event waits at the vendor that is paused", func() bool {
		s, _ := w.standing()
		lead := at(s, "lead")
		return lead.State == ops.Paused && lead.Pending+uint64(lead.Waiting) == 1
	})
	w.expect("p1", others)
	if out := w.must("resume", "lead"); strings.Count(out, "\tnot paused") != 1 {
		t.Errorf("resume: got\n%s", out)
	}
	others["lead"] = "done"
	w.expect("p1", others)
}

// audited looks at what the other tests have left.
func (w *world) audited(t *testing.T) {
	out := w.must("audit")
	for what, want := range map[string]int{
		"\tdead.replayed\tlead.": 8, "\tdead.dropped\tlead.": 3, "\tvendor.paused\tlead\t": 2, "\tvendor.resumed\tlead\t": 2,
		"\tann@school\tmended\tuser.created r1, replay 1\n": 1, "\tann@school\ta test\t\n": 1, "\tann@school\ta test user\t": 3,
		"user.created q1, replay 6\n": 1, "\tuntil 20": 1,
	} {
		if got := strings.Count(out, what); got != want {
			t.Errorf("got %q %d times, want %d", what, got, want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	w.must("pause", "lead", "--as", "bob")
	w.must("resume", "lead", "--as", "bob")
	for line := range strings.Lines(w.must("audit", "--since", "1h", "--json")) {
		e, err := events.Parse([]byte(line))
		if err != nil || !strings.HasPrefix(e.Type(), "usher.") || !strings.HasPrefix(e.Subject(), "lead") {
			t.Errorf("got %s (%v), want a CloudEvent about lead", line, err)
		}
	}
	if out := w.must("audit"); strings.Count(out, "\tbob\t") != 2 {
		t.Errorf("got\n%s\nwant two by bob", out)
	}
}
