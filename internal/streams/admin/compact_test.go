package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// onDisk starts a server whose files can be searched. The server rewrites files every moment,
// instead of every two minutes.
func onDisk(t *testing.T) (w world, holds func(text string) bool) {
	t.Helper()
	dir := t.TempDir()
	server := natstest.Start(t, natsconn.EmbeddedOptions{Dir: dir, Sync: 100 * time.Millisecond})
	w = worldOf(t, natstest.Connect(t, server), layout)
	if err := w.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w, func(text string) (found bool) {
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

// TestRewriteBucket replaces a record, and sees the former bytes leave only after all records
// are stored again.
func TestRewriteBucket(t *testing.T) {
	t.Parallel()
	w, holds := onDisk(t)
	kv, err := w.js.KeyValue(t.Context(), streams.AccountsBucket)
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
		t.Fatal("the server removes replaced records by itself: RewriteBucket is not needed any more")
	}
	stored := 0
	if err := admin.NewCompactor(w.set.Client).RewriteBucket(t.Context(), streams.AccountsBucket, func(n int) { stored = n }); err != nil {
		t.Fatal(err)
	}
	if holds("it was ada") {
		t.Error("the replaced record is still on the disk")
	}
	if want := others + 1; stored != want {
		t.Errorf("got progress up to %d records, want %d", stored, want)
	}
	records, err := streams.OpenRecords(t.Context(), w.set.Client, streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := records.Keys(t.Context(), "acme.*")
	if err != nil || len(keys) != others+1 {
		t.Errorf("got %d records and %v, want all", len(keys), err)
	}
	if entry, err := kv.Get(t.Context(), "acme.ada"); err != nil || string(entry.Value()) != "a tombstone" {
		t.Errorf("got %v %v, want what was there", entry, err)
	}
}

func TestCompactEmpty(t *testing.T) {
	t.Parallel()
	w, holds := onDisk(t)
	compactor := admin.NewCompactor(w.set.Client)
	for i := range 2 {
		d := deadLetter(fmt.Sprint("ada-", i))
		if err := errors.Join(w.set.DeadLetters.Add(t.Context(), d), w.set.DeadLetters.Replay(t.Context(), letters(t, w)[i])); err != nil {
			t.Fatal(err)
		}
	}
	for left := 2; left > 0; left-- {
		if gone, err := compactor.CompactEmpty(t.Context(), streams.ReplaysStream); gone || err != nil {
			t.Errorf("with %d replays on their way: got %v %v, want nothing done", left, gone, err)
		}
		if err := w.set.Client.Erase(t.Context(), streams.ReplaysStream, uint64(3-left)); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := compactor.CompactEmpty(t.Context(), streams.ReplaysStream); !gone || err != nil {
		t.Errorf("got %v %v, want it done", gone, err)
	}
	for _, d := range letters(t, w) {
		if gone, err := compactor.CompactNoDeadLetters(t.Context()); gone || err != nil {
			t.Errorf("with a dead letter: got %v %v, want nothing done", gone, err)
		}
		if err := w.set.DeadLetters.Remove(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if gone, err := compactor.CompactNoDeadLetters(t.Context()); !gone || err != nil {
		t.Errorf("got %v %v, want it done", gone, err)
	}
	natstest.Until(t, "the files hold no key of a dead letter", func() bool { return !holds("ada-") }) // the server removes a file a moment later
	if e, err := w.set.Client.Extent(t.Context(), streams.ReplaysStream); err != nil || e.Last != 2 {
		t.Errorf("got %+v %v, want sequences to go on", e, err)
	}
}

// TestCompactDeadLetters has the former text of a dead letter leave, though another letter stays.
func TestCompactDeadLetters(t *testing.T) {
	t.Parallel()
	w, holds := onDisk(t)
	stays, goes := deadLetter("k1"), deadLetter("k2")
	goes.Message = "of ada"
	for _, d := range []streams.DeadLetter{stays, goes} {
		if err := w.set.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // each takes the place of the one before
		if err := w.set.DeadLetters.Add(t.Context(), goes); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.set.DeadLetters.Remove(t.Context(), letters(t, w)[1]); err != nil {
		t.Fatal(err)
	}
	if !holds("of ada") {
		t.Fatal("the server removes replaced dead letters by itself: CompactDeadLetters is not needed any more")
	}
	if err := admin.NewCompactor(w.set.Client).CompactDeadLetters(t.Context()); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "the replaced letter has left the disk", func() bool { return !holds("of ada") })
	if left := letters(t, w); len(left) != 1 || left[0].Key != "k1" {
		t.Errorf("got %+v, want the other letter", left)
	}
}
