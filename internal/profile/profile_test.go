package profile_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
)

// memory is a bucket in memory.
type memory struct {
	mu       sync.Mutex
	value    []byte
	revision uint64
	writes   int
}

func (m *memory) Load(context.Context, string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value, m.revision, nil
}

func (m *memory) Store(_ context.Context, _ string, value []byte, revision uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if revision != m.revision {
		return 0, streams.ErrStaleRevision
	}
	m.value, m.writes = value, m.writes+1
	m.revision++
	return m.revision, nil
}

// stored is an event with a position.
type stored struct {
	event events.Event
	at    events.Position
}

func event(t interface{ Fatal(...any) }, typ string, data map[string]any) events.Event {
	e, err := events.New(typ, "/test", "1", time.Time{}, data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// history draws the events of a user, in the order of the stream.
func history(t *rapid.T) (list []stored) {
	for seq := range rapid.IntRange(1, 8).Draw(t, "events") {
		typ := rapid.SampledFrom([]string{events.UserCreated, events.UserUpdated, events.UserUpdated, events.UserDeleted, events.UserRestored, events.EnrollmentRequested}).Draw(t, "type")
		data := map[string]any{"user_id": "ada"}
		for _, name := range []string{"email", "first_name", "phone"} {
			if rapid.Bool().Draw(t, name) {
				data[name] = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "value")
			}
		}
		if rapid.Bool().Draw(t, "attributes") {
			data["attributes"] = map[string]any{rapid.SampledFrom([]string{"role", "team"}).Draw(t, "name"): seq}
		}
		list = append(list, stored{event(t, typ, data), events.Position{Epoch: int64(1 + seq/5), Seq: uint64(seq%5 + 1)}})
	}
	return list
}

// expected is the plain meaning of a history: each update lies over the last state. A creation
// after a deletion begins anew: of the time before the deletion, nothing is left.
func expected(t *rapid.T, list []stored) map[string]any {
	want, inner := map[string]any{}, map[string]any{}
	for i, s := range list {
		if s.event.Type() == events.UserDeleted && slices.ContainsFunc(list[i:], func(o stored) bool { return o.event.Type() == events.UserCreated }) {
			want, inner = map[string]any{}, map[string]any{}
		}
		switch s.event.Type() {
		case events.UserCreated, events.UserUpdated:
			var data map[string]any
			if err := json.Unmarshal(s.event.Data(), &data); err != nil {
				t.Fatal(err)
			}
			for name, value := range data {
				if attributes, ok := value.(map[string]any); ok {
					for name, value := range attributes {
						inner[name] = value
					}
					continue
				}
				want[name] = value
			}
		}
	}
	if len(inner) > 0 {
		want["attributes"] = inner
	}
	return want
}

// exists is the plain meaning of a history: whether the user was created, and not deleted since.
// A restoration undoes a deletion.
func exists(list []stored) (created bool) {
	known := false
	for _, s := range list {
		switch s.event.Type() {
		case events.UserCreated:
			created, known = true, true
		case events.UserDeleted:
			created = false
		case events.UserRestored:
			created = true
		}
	}
	return created && known
}

func data(t interface{ Fatal(...any) }, p profile.Profile) map[string]any {
	raw, err := p.Data()
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMergeInAnyOrder merges a history in any order, with repetitions, by two writers at once.
func TestMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := history(t)
		m := &memory{}
		s := profile.NewStore(m, profile.Cipher{})
		var group sync.WaitGroup
		for range 2 {
			order := rapid.Permutation(append(list, list...)).Draw(t, "order")
			group.Go(func() {
				for _, one := range order {
					for {
						_, err := s.Merge(context.Background(), "k", one.event, one.at)
						if err == nil {
							break
						}
					}
				}
			})
		}
		group.Wait()
		writes := m.writes
		got, err := s.Merge(context.Background(), "k", list[0].event, list[0].at)
		if err != nil || m.writes != writes {
			t.Fatalf("got %v, and %d writes of a repeated event", err, m.writes-writes)
		}
		if diff := cmp.Diff(expected(t, list), data(t, got)); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		if got.Exists() != exists(list) {
			t.Fatalf("exists: got %v", got.Exists())
		}
		if _, whole := got.Members["attributes"]; whole {
			t.Fatal("the attributes are one member")
		}
	})
}

func keyFile(t *testing.T, b byte) string {
	path := filepath.Join(t.TempDir(), "key")
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32))) + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCipherRotates(t *testing.T) {
	cipher := func(paths ...string) profile.Cipher {
		c, err := profile.ReadKeys(paths)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first, second := keyFile(t, 'a'), keyFile(t, 'b')
	m := &memory{}
	update := func(c profile.Cipher, seq uint64, name string) (profile.Profile, error) {
		e := event(t, events.UserUpdated, map[string]any{"user_id": "ada", name: "secret-value"})
		return profile.NewStore(m, c).Merge(t.Context(), "k", e, events.Position{Epoch: 1, Seq: seq})
	}
	for i, c := range []profile.Cipher{{}, cipher(first), cipher(second, first), cipher(second)} {
		p, err := update(c, uint64(i+1), fmt.Sprint("m", i))
		if err != nil || len(data(t, p)) != i+2 {
			t.Fatalf("step %d: got %v, %v", i, p, err)
		}
		if hidden := !strings.Contains(string(m.value), "secret-value"); hidden != (i > 0) {
			t.Errorf("step %d: hidden: %v", i, hidden)
		}
	}
	if _, err := update(cipher(first), 9, "m9"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a removed key: got %v", err)
	}
	if _, err := update(profile.Cipher{}, 9, "m9"); err == nil {
		t.Error("no key: got no error")
	}
	s := profile.NewStore(m, cipher(second))
	if _, err := s.Merge(t.Context(), "other", event(t, events.UserUpdated, map[string]any{"user_id": "eve"}), events.Position{Epoch: 1, Seq: 9}); err == nil {
		t.Error("the profile of another user: got no error")
	}
}

func TestReadKeysRefuses(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("c2hvcnQ="), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{short, short + ".missing"} {
		if _, err := profile.ReadKeys([]string{path}); err == nil || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

// contested is a bucket whose profile another process changes before each write.
type contested struct {
	memory

	loads int
}

func (c *contested) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	c.loads++
	return c.memory.Load(ctx, key)
}

func (c *contested) Store(context.Context, string, []byte, uint64) (uint64, error) {
	return 0, streams.ErrStaleRevision
}

// A merge against endless changes ends with an error: the event is tried again later.
func TestMergeEnds(t *testing.T) {
	c := &contested{}
	_, err := profile.NewStore(c, profile.Cipher{}).Merge(t.Context(), "k", event(t, events.UserCreated, map[string]any{"user_id": "ada"}), events.Position{Epoch: 1, Seq: 1})
	if !errors.Is(err, streams.ErrStaleRevision) || c.loads < 2 || c.loads > 20 {
		t.Errorf("got %v after %d loads", err, c.loads)
	}
}
