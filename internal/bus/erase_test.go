package bus_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
)

// onDisk is a bus over a server whose files can be searched. It writes them anew
// every moment, where it would take minutes.
func onDisk(t *testing.T) (b *bus.Bus, holds func(text string) bool) {
	t.Helper()
	dir := t.TempDir()
	server := natstest.Start(t, bus.EmbeddedOptions{Dir: dir, Sync: 100 * time.Millisecond})
	return natstest.Ensure(t, natstest.Connect(t, server), layout), func(text string) (found bool) {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			found = found || bytes.Contains(raw, []byte(text))
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that the server has removed meanwhile
			t.Fatal(err)
		}
		return found
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	b, holds := onDisk(t)
	for _, id := range []string{"ada", "bob", "cyd"} {
		if _, err := b.Send(t.Context(), event(t, id)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time there is nothing to do
		if err := b.Erase(t.Context(), bus.EventsStream, 2); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]bool{"ada@example.org": true, "bob": false, "cyd@example.org": true} {
		if holds(text) != want {
			t.Errorf("%s on the disk: %v, want %v", text, !want, want)
		}
	}
	if _, err := b.Message(t.Context(), bus.EventsStream, 2); !errors.Is(err, bus.ErrGone) {
		t.Errorf("got %v, want that it is gone", err)
	}
	if err := b.Erase(t.Context(), bus.AuditStream, 1); err != nil {
		t.Errorf("where nothing may be removed, and nothing is: %v", err)
	}
}

// TestRenew replaces a record, and sees its former bytes leave only once all records
// are stored again.
func TestRenew(t *testing.T) {
	t.Parallel()
	b, holds := onDisk(t)
	kv, err := b.JetStream().KeyValue(t.Context(), bus.AccountsKV)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.PutString(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	const others = 1200
	put("acme.ada", "it was ada")
	for i := range others {
		put(fmt.Sprint("acme.", i), "somebody else")
	}
	put("acme.ada", "a tombstone")
	if !holds("it was ada") {
		t.Fatal("the server removes replaced records by itself: Renew is not needed any more")
	}
	told := 0
	if err := b.Renew(t.Context(), bus.AccountsKV, func(n int) { told = n }); err != nil {
		t.Fatal(err)
	}
	if holds("it was ada") {
		t.Error("the replaced record is still on the disk")
	}
	if want := others + 1; told != want {
		t.Errorf("told of %d records, want %d", told, want)
	}
	keys, err := b.Keys(t.Context(), bus.AccountsKV, "acme.*")
	if err != nil || len(keys) != others+1 {
		t.Errorf("got %d records and %v, want all", len(keys), err)
	}
	if entry, err := kv.Get(t.Context(), "acme.ada"); err != nil || string(entry.Value()) != "a tombstone" {
		t.Errorf("got %v %v, want what was there", entry, err)
	}
}

func TestVacate(t *testing.T) {
	t.Parallel()
	b, holds := onDisk(t)
	for i := range 2 {
		d := deadLetter(fmt.Sprint("ada-", i))
		if err := errors.Join(b.Bury(t.Context(), d), b.Replay(t.Context(), read(t, b)[i])); err != nil {
			t.Fatal(err)
		}
	}
	for left := 2; left > 0; left-- {
		if gone, err := b.Vacate(t.Context(), bus.ReplaysStream); gone || err != nil {
			t.Errorf("with %d replays on their way: got %v %v, want nothing done", left, gone, err)
		}
		if err := b.Erase(t.Context(), bus.ReplaysStream, uint64(3-left)); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := b.Vacate(t.Context(), bus.ReplaysStream); !gone || err != nil {
		t.Errorf("got %v %v, want it done", gone, err)
	}
	for _, d := range read(t, b) {
		if err := b.Drop(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := b.Vacate(t.Context(), bus.DeadStream); !gone || err != nil || holds("ada-") {
		t.Errorf("got %v %v, and the files hold the dead letters: %v", gone, err, holds("ada-"))
	}
	if e, err := b.Extent(t.Context(), bus.ReplaysStream); err != nil || e.Last != 2 {
		t.Errorf("got %+v %v, want sequences to go on", e, err)
	}
}

// TestCloseDead has the former text of a dead letter leave, though another letter stays.
func TestCloseDead(t *testing.T) {
	t.Parallel()
	b, holds := onDisk(t)
	stays, goes := deadLetter("k1"), deadLetter("k2")
	goes.Message = "of ada"
	for _, d := range []bus.DeadLetter{stays, goes} {
		if err := b.Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // each takes the place of the one before
		if err := b.Bury(t.Context(), goes); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Drop(t.Context(), read(t, b)[1]); err != nil {
		t.Fatal(err)
	}
	if !holds("of ada") {
		t.Fatal("the server removes replaced dead letters by itself: CloseDead is not needed any more")
	}
	if err := b.CloseDead(t.Context()); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "the replaced letter has left the disk", func() bool { return !holds("of ada") })
	if left := read(t, b); len(left) != 1 || left[0].Key != "k1" {
		t.Errorf("got %+v, want the other letter", left)
	}
}

// TestMessages reads a part of a stream.
func TestMessages(t *testing.T) {
	t.Parallel()
	b := ensured(t)
	for i := range 5 {
		if _, err := b.Send(t.Context(), event(t, fmt.Sprint("e", i))); err != nil {
			t.Fatal(err)
		}
	}
	var got []uint64
	enough := errors.New("enough")
	err := b.Messages(t.Context(), bus.EventsStream, 4, func(m bus.Stored) error {
		got = append(got, m.Seq)
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[1 2 3 4]" {
		t.Errorf("got %v %v, want the first four", got, err)
	}
	err = b.Messages(t.Context(), bus.EventsStream, 4, func(bus.Stored) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want what was returned", err)
	}
	if err := b.Messages(t.Context(), bus.ResultsStream, 4, func(bus.Stored) error { return enough }); err != nil {
		t.Errorf("of an empty stream: %v", err)
	}
}

// TestAReadingThatEndsEarly leaves nothing behind that waits for the rest, though
// the connection is closed before that could come.
func TestAReadingThatEndsEarly(t *testing.T) {
	b, nc := world(t, layout)
	if err := b.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 512<<10)
	for range 100 {
		if _, err := js.Publish(t.Context(), events.UserCreated, large); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	if err := b.Messages(t.Context(), bus.EventsStream, 100, func(bus.Stored) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	nc.Close()
	if err := goleak.Find(); err != nil && strings.Contains(err.Error(), "nats.go/jetstream") { // beside the server's own
		t.Error(err)
	}
}
