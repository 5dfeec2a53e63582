package bench

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"
)

// TestNumbered checks that the number of a write replaces the number before, and nothing else.
func TestNumbered(t *testing.T) {
	const record = `{"user":"u1","at":17}`
	once := numbered([]byte(record), 9)
	twice := numbered(once, 10)
	if string(twice) != record+"10" || string(once) != record+"9" {
		t.Errorf("got %s, then %s", once, twice)
	}
	for value, want := range map[string]int{record: 0, string(once): 9, string(twice): 10} {
		if got := numberOf([]byte(value)); got != want {
			t.Errorf("%s: got %d, want %d", value, got, want)
		}
	}
}

// memoryStore is a recordStore that rejects the attempts with a failure.
type memoryStore struct {
	values  map[string]string
	failing int // number of writes to fail
}

func (m *memoryStore) Load(_ context.Context, key string) (value []byte, revision uint64, err error) {
	return []byte(m.values[key]), 1, nil
}

func (m *memoryStore) Store(_ context.Context, key string, value []byte, _ uint64) (uint64, error) {
	if m.failing > 0 {
		m.failing--
		return 0, errors.New("no leader")
	}
	m.values[key] = string(value)
	return 1, nil
}

// TestWriterFindsLostWrites checks that a writer counts the acknowledged writes, and every key whose last one is
// gone.
func TestWriterFindsLostWrites(t *testing.T) {
	template := &template{vendor: "miestro"}
	for name, test := range map[string]struct {
		lose func(values map[string]string, key string)
		want int
	}{
		"nothing is lost": {func(map[string]string, string) {}, 0},
		"a former value":  {func(values map[string]string, key string) { values[key] = "{}1" }, 1},
		"no number":       {func(values map[string]string, key string) { values[key] = "{}" }, 1},
		"a later value":   {func(values map[string]string, key string) { values[key] = "{}99" }, 0}, // of a timed-out write
	} {
		t.Run(name, func(t *testing.T) {
			store := &memoryStore{values: map[string]string{}, failing: 3}
			w := newWriter(store, template, 2)
			for _, key := range w.keys {
				store.values[key] = "{}"
			}
			if err := w.write(t.Context(), time.Now().Add(time.Minute)); err == nil {
				t.Error("the failure does not end the writes")
			}
			for range 4 {
				if err := w.untilAcked(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			test.lose(store.values, slices.Min(slices.Collect(maps.Keys(store.values))))
			acked, lost, err := w.check(t.Context())
			if acked != 4 || lost != test.want || err != nil {
				t.Errorf("got %d acknowledged, %d lost, %v; want 4, %d", acked, lost, err, test.want)
			}
		})
	}
}
