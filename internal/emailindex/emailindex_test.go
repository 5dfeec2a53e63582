package emailindex_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/emailindex"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	natstest.Parallel(4)
	goleak.VerifyTestMain(m)
}

func newClient(t *testing.T) streams.Client {
	t.Helper()
	return natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout()).Client
}

// world is an index with short calls.
type world struct {
	t *testing.T
	*emailindex.Index
}

func open(t *testing.T, c streams.Client, keys ...string) world {
	t.Helper()
	x, err := emailindex.Open(t.Context(), c, keys)
	if err != nil {
		t.Fatal(err)
	}
	return world{t, x}
}

func (w world) set(user, email string, seq uint64) {
	w.t.Helper()
	if err := w.Set(w.t.Context(), user, user, email, events.Position{Epoch: 1, Seq: seq}); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) finds(email string, want ...string) {
	w.t.Helper()
	got, err := w.Find(w.t.Context(), email)
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("%s: got %v, %v, want %v", email, got, err, want)
	}
}

// text returns all that is stored.
func text(t *testing.T, c streams.Client) (all string, values int) {
	t.Helper()
	for m, err := range c.Messages(context.WithoutCancel(t.Context()), "KV_"+streams.EmailsBucket, streams.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all += m.Subject + " " + string(m.Data) + "\n"
		values++
	}
	return all, values
}

// TestIndex follows changes of e-mails, in any order of the events.
func TestIndex(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	w := open(t, c)
	w.set("ada", "Ada@Example.org ", 1)
	w.set("bob", "ada@example.org", 2)
	w.finds(" ADA@example.org", "ada", "bob")
	w.finds("eve@example.org")
	w.set("ada", "lovelace@example.org", 4)
	w.finds("ada@example.org", "bob")
	w.finds("lovelace@example.org", "ada")
	w.set("ada", "older@example.org", 3)
	w.finds("older@example.org")
	w.finds("lovelace@example.org", "ada")
	all, values := text(t, c)
	if strings.Contains(all, "@example") || values != 5 { // a key, and two values for each user: no marker of a former e-mail
		t.Errorf("got %d values, or an e-mail:\n%s", values, all)
	}
}

// TestUnchangedIsNotWritten repeats an e-mail in later events.
func TestUnchangedIsNotWritten(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	w := open(t, c)
	w.set("ada", "ada@example.org", 1)
	before, err := c.Extent(t.Context(), "KV_"+streams.EmailsBucket)
	if err != nil {
		t.Fatal(err)
	}
	w.set("ada", "ada@example.org", 2)
	if after, err := c.Extent(t.Context(), "KV_"+streams.EmailsBucket); err != nil || after.Last != before.Last {
		t.Errorf("got %+v after %+v, %v: want no write", after, before, err)
	}
}

// TestErase removes a user, and nobody else.
func TestErase(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	w := open(t, c)
	w.set("ada", "lovelace@example.org", 1)
	w.set("ada", "ada@example.org", 2)
	w.set("bob", "ada@example.org", 3)
	for _, want := range []int{2, 0} {
		if n, err := w.Erase(t.Context(), "ada", events.Position{Epoch: 1, Seq: 4}); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
	w.finds("ada@example.org", "bob")
	if n, err := w.Count(t.Context(), "ada"); n != 0 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if all, values := text(t, c); values != 4 || strings.Contains(all, ".ada ada") || !strings.Contains(all, `.user.ada {"hash":""`) {
		t.Errorf("got %d values, want the key, two of bob, and no hash of ada:\n%s", values, all)
	}
	w.set("ada", "ada@example.org", 3) // an event in the hands of a worker
	w.finds("ada@example.org", "bob")
	w.set("ada", "ada@example.org", 4) // the user comes back
	w.finds("ada@example.org", "ada", "bob")
}

// TestEraseBesideAWorker erases users while a worker notes e-mails of events from before.
func TestEraseBesideAWorker(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	w := open(t, c)
	for i := range 50 {
		user := fmt.Sprint("u", i)
		w.set(user, "first-"+user+"@example.org", 1)
		var worker sync.WaitGroup
		worker.Go(func() {
			if err := w.Set(t.Context(), user, user, user+"@example.org", events.Position{Epoch: 1, Seq: 2}); err != nil {
				t.Error(err)
			}
		})
		if _, err := w.Erase(t.Context(), user, events.Position{Epoch: 1, Seq: 3}); err != nil {
			t.Error(err)
		}
		worker.Wait()
		w.finds(user + "@example.org")
	}
	if all, values := text(t, c); strings.Contains(all, ".mail.") {
		t.Errorf("got %d values, want no e-mail:\n%s", values, all)
	}
}

// TestKeysOfProfiles rotates the keys: values under the former key are found until the key is gone.
func TestKeysOfProfiles(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	file := func(name string, fill byte) string {
		path := filepath.Join(t.TempDir(), name)
		key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(fill)), 32)))
		if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	former, next := file("former", 'a'), file("next", 'b')
	open(t, c).set("eve", "eve@example.org", 1) // before the first key file
	open(t, c, former).set("ada", "ada@example.org", 2)
	rotated := open(t, c, next, former)
	rotated.set("bob", "bob@example.org", 3)
	for user, email := range map[string]string{"ada": "ada@example.org", "bob": "bob@example.org", "eve": "eve@example.org"} {
		rotated.finds(email, user)
	}
	only := open(t, c, next)
	only.finds("ada@example.org")
	only.finds("bob@example.org", "bob")
	only.set("ada", "ada@example.org", 2) // the event is read again
	only.finds("ada@example.org", "ada")
}
