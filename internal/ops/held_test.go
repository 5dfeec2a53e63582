package ops_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// newService returns a service over a NATS server with all streams, and the streams.
func newService(t *testing.T, names ...string) (*ops.Service, *streams.Set) {
	t.Helper()
	b := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	d := ops.Deps{Streams: b, Config: config.Default()}
	for _, name := range names {
		d.Vendors = append(d.Vendors, ops.Vendor{Name: name})
	}
	return ops.New(d), b
}

// store stores a record under a key, as the last of its revisions.
func store(t *testing.T, b *streams.Set, key string, r *record.Record) {
	t.Helper()
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	kv, err := b.Client.JetStream.KeyValue(t.Context(), streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), key, text); err != nil {
		t.Fatal(err)
	}
}

// deletion returns a record with a pending deletion.
func deletion(user string, since time.Time, held bool) *record.Record {
	e := record.Effect{Key: 1, Type: events.UserDeleted, Scope: events.ScopeLifecycle, Registered: since, Held: held}
	return &record.Record{UserID: user, Pending: []record.Effect{e}}
}

func TestHeldDeletions(t *testing.T) {
	t.Parallel()
	s, b := newService(t)
	if got, err := s.HeldDeletions(t.Context(), ""); err != nil || len(got) > 0 {
		t.Errorf("got %v (%v) without any record", got, err)
	}
	noon := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	const many = 1200
	for i := range many {
		store(t, b, fmt.Sprintf("lead.%04x", i), deletion(fmt.Sprintf("u%d", i), noon, i%2 == 0))
	}
	store(t, b, "lead.0000", deletion("u0", noon, false)) // approved since
	store(t, b, "meiro.0000", deletion("u0", noon.Add(-time.Hour), true))
	got, err := s.HeldDeletions(t.Context(), "")
	if err != nil || len(got) != many/2 {
		t.Fatalf("got %d (%v), want %d", len(got), err, many/2)
	}
	if diff := cmp.Diff(ops.HeldDeletion{Vendor: "meiro", UserID: "u0", Type: events.UserDeleted, Since: noon.Add(-time.Hour)}, got[0]); diff != "" {
		t.Errorf("the oldest (-want +got)\n%s", diff)
	}
	if got, err := s.HeldDeletions(t.Context(), "meiro"); err != nil || len(got) != 1 || got[0].Vendor != "meiro" {
		t.Errorf("got %v (%v), want the deletion at meiro only", got, err)
	}
	kv, err := b.Client.JetStream.KeyValue(t.Context(), streams.AccountsBucket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "lead.ffff", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.HeldDeletions(t.Context(), ""); len(got) != many/2 || err == nil || !strings.Contains(err.Error(), "1 records cannot be read, among them lead.ffff") {
		t.Errorf("got %d (%v), want all others and an error", len(got), err)
	}
}
