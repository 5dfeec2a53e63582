package history_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// start returns a log over a server of this process.
func start(t *testing.T) (*history.Log, jetstream.JetStream) {
	t.Helper()
	b := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{})), natstest.Layout())
	return history.New(streams.Client{JetStream: b.JetStream()}, bus.HistoryStream), b.JetStream()
}

func digest(user string) string {
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:16])
}

// neighbours returns two users with the same subject.
func neighbours() (one, other string) {
	for i := 1; ; i++ {
		if name := fmt.Sprint("u", i); digest(name)[:4] == digest("u0")[:4] {
			return digest("u0"), digest(name)
		}
	}
}

// entry is the entry of event seq of a user.
func entry(user, vendor string, seq uint64, replay int) history.Entry {
	at := time.Date(2026, time.September, 1, 8, 0, int(seq), 0, time.UTC)
	return history.Entry{
		Key: events.Key("/school", fmt.Sprint("e", seq)), Vendor: vendor, Digest: user, Type: events.EnrollmentRequested, Scope: events.ScopeCourse, Course: "go-1",
		Position: events.Position{Epoch: 1_700_000_000_000_000_000, Seq: seq}, Replay: replay,
		Attempts: 2, First: at, Begun: at.Add(time.Second), Last: at.Add(time.Minute), Ended: at.Add(time.Hour),
		Outcome: events.Failed, Class: "permanent", Status: 400, Message: "no", AccountID: "7", TookMS: 12,
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func messages(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), bus.HistoryStream)
	check(t, err)
	return s.CachedInfo().State.Msgs
}

func read(t *testing.T, l *history.Log, user string) []history.Entry {
	t.Helper()
	list, err := l.User(t.Context(), user)
	check(t, err)
	return list
}

// The entries of one user come in the order of the events, from all vendors, and the last
// entry of an effect counts.
func TestUser(t *testing.T) {
	l, js := start(t)
	user, other := neighbours()
	first, second := entry(user, "lms", 1, 0), entry(user, "crm", 2, 0)
	replay, done := entry(user, "lms", 1, 1), entry(user, "lms", 1, 1)
	done.Outcome, done.Class, done.Status, done.Message = events.Done, "", 0, ""
	done.Seq = 3 // another copy of the event: the key counts
	check(t, l.Append(t.Context(), second, entry(other, "lms", 9, 0)))
	check(t, l.Append(t.Context(), replay))
	check(t, l.Append(t.Context(), first))
	check(t, l.Append(t.Context(), done))
	_, err := js.Publish(t.Context(), "usher.history."+user[:4], []byte("not ours"))
	check(t, err)
	if diff := cmp.Diff([]history.Entry{first, second, done}, read(t, l, user)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if list := read(t, l, digest("nobody")); len(list) != 0 {
		t.Errorf("of a user without entries: %+v", list)
	}
}

// The entry of an event that had left its stream has a part of the key, and is not a second
// effect.
func TestShortKey(t *testing.T) {
	l, _ := start(t)
	user := digest("ada")
	gone := entry(user, "lms", 1, 0)
	gone.Seq, gone.Key = 2, gone.Key[:16]
	check(t, l.Append(t.Context(), entry(user, "lms", 1, 0)))
	check(t, l.Append(t.Context(), gone))
	if list := read(t, l, user); len(list) != 1 {
		t.Errorf("got %+v", list)
	}
}

// An entry that is appended again is stored once.
func TestAppendIsRepeatable(t *testing.T) {
	l, js := start(t)
	var many []history.Entry
	user := digest("ada")
	for seq := range uint64(200) {
		many = append(many, entry(user, "lms", seq+1, 0), entry(user, "crm", seq+1, 0))
	}
	check(t, l.Append(t.Context()))
	check(t, l.Append(t.Context(), many...))
	check(t, l.Append(t.Context(), many...))
	check(t, l.Append(t.Context(), many[7]))
	if n := messages(t, js); n != uint64(len(many)) {
		t.Errorf("%d messages, want %d", n, len(many))
	}
}

// Append fails unless every entry is stored.
func TestAppendFails(t *testing.T) {
	l, js := start(t)
	bad := entry(digest("ada"), "lms", 1, 0)
	bad.Digest = "x"
	if err := l.Append(t.Context(), entry(digest("ada"), "lms", 2, 0), bad); err == nil {
		t.Error("an entry without a digest: no error")
	}
	check(t, js.DeleteStream(t.Context(), bus.HistoryStream))
	if err := l.Append(t.Context(), entry(digest("ada"), "lms", 3, 0), entry(digest("ada"), "lms", 4, 0)); err == nil {
		t.Error("no stream, no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.User(ctx, digest("ada")); err == nil {
		t.Error("no answer, no error")
	}
}

func TestErase(t *testing.T) {
	l, js := start(t)
	user, other := neighbours()
	kept := entry(other, "lms", 9, 0)
	check(t, l.Append(t.Context(), entry(user, "lms", 1, 0), kept, entry(user, "crm", 1, 0), entry(user, "lms", 2, 1)))
	if n, err := l.Erase(t.Context(), user); n != 3 || err != nil {
		t.Errorf("%d erased, %v", n, err)
	}
	if n, err := l.Erase(t.Context(), user); n != 0 || err != nil {
		t.Errorf("again: %d erased, %v", n, err)
	}
	if len(read(t, l, user)) != 0 || messages(t, js) != 1 {
		t.Errorf("%d messages are left", messages(t, js))
	}
	if diff := cmp.Diff([]history.Entry{kept}, read(t, l, other)); diff != "" {
		t.Errorf("the other user (-want +got)\n%s", diff)
	}
}
