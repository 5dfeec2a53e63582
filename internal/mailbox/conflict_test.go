package mailbox

import (
	"context"
	"errors"
	"testing"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// bucket is a bucket in memory. after is called after each Load.
type bucket struct {
	values    map[string][]byte
	revisions map[string]uint64
	after     func(key string)
	away      error
}

func newBucket() *bucket {
	return &bucket{values: map[string][]byte{}, revisions: map[string]uint64{}, after: func(string) {}}
}

func (b *bucket) Load(_ context.Context, key string) ([]byte, uint64, error) {
	defer b.after(key)
	return b.values[key], b.revisions[key], b.away
}

func (b *bucket) Store(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if b.revisions[key] != revision {
		return 0, ErrConflict
	}
	b.values[key] = value
	b.revisions[key]++
	return b.revisions[key], b.away
}

// claimed returns a turn of a user whose record claims an effect.
func claimed(t *testing.T, m *Mailboxes, id string, r record.Record) *turn {
	t.Helper()
	r.UserID, r.Claim = id, &record.Claim{Key: 1}
	u := &turn{task: m.task, Mailboxes: m, user: &user{key: record.AccountKey("acme", id), stored: stored{record: &r}}}
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	records := m.task.deps.Records
	_, revision, _ := records.Load(t.Context(), u.user.key)
	if u.user.stored.revision, err = records.Store(t.Context(), u.user.key, encoded, revision); err != nil {
		t.Fatal(err)
	}
	return u
}

// release ends the claim of a turn without an account.
func (t *turn) release(test *testing.T) {
	test.Helper()
	encoded, err := (&record.Record{UserID: t.user.stored.record.UserID}).Encode()
	if err != nil {
		test.Fatal(err)
	}
	if _, err := t.deps.Records.Store(test.Context(), t.user.key, encoded, t.user.stored.revision); err != nil {
		test.Fatal(err)
	}
}

func mailboxes() (m *Mailboxes, records, index *bucket) {
	records, index = newBucket(), newBucket()
	m = &Mailboxes{task: task{vendor: &Vendor{Name: "acme"}, deps: &Deps{Records: records, Index: index}}}
	m.task.vendor.Port.Store(new(vendors.Adapter))
	return m, records, index
}

// A user whose record was free when another user looked keeps the entry, if the user claims
// the account before the other user takes the entry over.
func TestTakeoverLosesToTheHolder(t *testing.T) {
	m, records, index := mailboxes()
	first := claimed(t, m, "u1", record.Record{})
	if err := first.reserve(t.Context(), "7", false); err != nil {
		t.Fatal(err)
	}
	first.release(t)
	second := claimed(t, m, "u2", record.Record{})
	records.after = func(key string) {
		if key != first.user.key {
			return
		}
		records.after = func(string) {}
		if err := claimed(t, m, "u1", record.Record{}).reserve(t.Context(), "7", false); err != nil {
			t.Error(err)
		}
	}
	held := (*heldError)(nil)
	if err := second.reserve(t.Context(), "7", false); !errors.As(err, &held) || !held.changing {
		t.Errorf("got %v, want the second user to wait", err)
	}
	if got := "acme." + string(index.values[record.IndexKey("acme", "7")]); got != first.user.key {
		t.Errorf("the index names %s", got)
	}
}

// A reservation counts for one revision of the record: another revision may have another claim.
func TestReservationEndsWithTheRevision(t *testing.T) {
	m, _, _ := mailboxes()
	u := claimed(t, m, "u1", record.Record{})
	if err := u.reserve(t.Context(), "7", false); err != nil || !u.isReserved("7") || u.isReserved("8") {
		t.Fatalf("not reserved: %v", err)
	}
	u.user.stored.revision++
	if u.isReserved("7") {
		t.Error("the reservation outlived the revision")
	}
}

// A record that holds an account with an entry needs no further look, except before a deletion.
func TestReserveReadsTheIndex(t *testing.T) {
	for name, c := range map[string]struct {
		indexed, removes bool
		want             bool
	}{
		"known":             {indexed: true},
		"known, deletion":   {indexed: true, removes: true, want: true},
		"of a former state": {want: true},
	} {
		t.Run(name, func(t *testing.T) {
			m, _, index := mailboxes()
			looked := false
			index.after = func(string) { looked = true }
			u := claimed(t, m, "u1", record.Record{State: record.Active, AccountID: "7", Indexed: c.indexed})
			if err := u.reserve(t.Context(), "7", c.removes); err != nil || looked != c.want {
				t.Errorf("looked: %v (%v), want %v", looked, err, c.want)
			}
		})
	}
}

// A failure of NATS is neither a conflict nor a failure of the vendor.
func TestReserveWithoutNATS(t *testing.T) {
	m, records, index := mailboxes()
	u := claimed(t, m, "u1", record.Record{})
	index.values[record.IndexKey("acme", "7")] = []byte(record.Digest("u2"))
	for _, b := range []*bucket{records, index} {
		b.away = errors.New("nats does not answer")
		err, held := u.reserve(t.Context(), "7", false), (*heldError)(nil)
		if !errors.Is(err, errReserve) || !errors.Is(err, b.away) || errors.As(err, &held) {
			t.Errorf("got %v", err)
		}
		b.away = nil
	}
}
