package streams_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// onDisk starts a server whose files can be searched. The server rewrites files every moment,
// instead of every two minutes.
func onDisk(t *testing.T) (set *streams.Set, holds func(text string) bool) {
	t.Helper()
	dir := t.TempDir()
	server := natstest.Start(t, natsconn.EmbeddedOptions{Dir: dir, Sync: 100 * time.Millisecond})
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
	set, holds := onDisk(t)
	for _, id := range []string{"ada", "bob", "cyd"} {
		if _, err := set.Events.Send(t.Context(), event(t, id)); err != nil {
			t.Fatal(err)
		}
	}
	extent, err := set.Client.Extent(t.Context(), streams.EventsStream)
	check(t, err)
	for range 2 { // the second time there is nothing to do
		if err := set.Client.Erase(t.Context(), streams.EventsStream, 2); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]bool{"ada@example.org": true, "bob": false, "cyd@example.org": true} {
		if holds(text) != want {
			t.Errorf("%s on the disk: %v, want %v", text, !want, want)
		}
	}
	if _, err := set.Events.Get(t.Context(), events.Position{Epoch: extent.Epoch, Seq: 2}); !errors.Is(err, streams.ErrGone) {
		t.Errorf("got %v, want that it is gone", err)
	}
	if err := set.Client.Erase(t.Context(), streams.AuditStream, 1); err != nil {
		t.Errorf("where nothing may be removed, and nothing is: %v", err)
	}
}
