package recordstore_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the records of accounts, and the bucket below them.
func open(t *testing.T) (*recordstore.Store, jetstream.KeyValue) {
	t.Helper()
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{}))
	b := natstest.Ensure(t, nc, natstest.Layout())
	s, err := recordstore.Open(t.Context(), streams.Client{JetStream: b.Client.JetStream}, streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := b.Client.JetStream.KeyValue(t.Context(), streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	return s, kv
}

// activate stores an account.
func activate(t *testing.T, s *recordstore.Store, key, id string) {
	t.Helper()
	err := s.Change(t.Context(), key, func(r *record.Record) { r.State, r.AccountID = record.Active, id })
	if err != nil {
		t.Fatal(err)
	}
}

func TestChange(t *testing.T) {
	s, _ := open(t)
	key := record.AccountKey("lms", "ada")
	none, err := s.Load(t.Context(), key)
	if err != nil || none.Revision != 0 || none.Record == nil {
		t.Fatalf("got %+v, %v; want an empty record", none, err)
	}
	if err := s.Change(t.Context(), key, func(*record.Record) {}); err != nil {
		t.Fatal(err)
	}
	if e, _ := s.Load(t.Context(), key); e.Revision != 0 {
		t.Error("a record without a change was stored")
	}
	activate(t, s, key, "1")
	e, err := s.Load(t.Context(), key)
	if err != nil || e.Record.AccountID != "1" || e.Revision == 0 {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestChangeOfARecordThatIsChangedMeanwhile(t *testing.T) {
	s, _ := open(t)
	key := record.AccountKey("lms", "ada")
	calls := 0
	err := s.Change(t.Context(), key, func(r *record.Record) {
		if calls++; calls == 1 {
			activate(t, s, key, "1")
		}
		r.Former = "0"
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Load(t.Context(), key)
	if err != nil || calls != 2 || e.Record.AccountID != "1" || e.Record.Former != "0" {
		t.Errorf("got %+v after %d calls, %v; want both changes", e.Record, calls, err)
	}
}

func TestList(t *testing.T) {
	s, _ := open(t)
	keys := []string{record.AccountKey("lms", "ada"), record.AccountKey("lms", "bob"), record.AccountKey("crm", "ada")}
	for _, key := range keys {
		activate(t, s, key, "1")
	}
	for prefix, want := range map[string][]string{"": keys, "lms": keys[:2], "none": nil} {
		got := map[string]bool{}
		for e, err := range s.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got[e.Key] = e.Record.State == record.Active
		}
		if sorted := slices.Sorted(maps.Keys(got)); !slices.Equal(sorted, slices.Sorted(slices.Values(want))) {
			t.Errorf("prefix %q: got %v, want %v", prefix, sorted, want)
		}
	}
}

func TestARecordThatCannotBeRead(t *testing.T) {
	s, kv := open(t)
	key := record.AccountKey("lms", "ada")
	if _, err := kv.PutString(t.Context(), key, "no record"); err != nil {
		t.Fatal(err)
	}
	_, loaded := s.Load(t.Context(), key)
	changed := s.Change(t.Context(), key, func(r *record.Record) { r.State = record.Active })
	var listed error
	for _, err := range s.List(t.Context(), "") {
		listed = errors.Join(listed, err)
	}
	if loaded == nil || changed == nil || listed == nil {
		t.Errorf("got %v, %v, %v; want three errors", loaded, changed, listed)
	}
	if value, _ := kv.Get(t.Context(), key); string(value.Value()) != "no record" {
		t.Error("a record that cannot be read was replaced")
	}
}
