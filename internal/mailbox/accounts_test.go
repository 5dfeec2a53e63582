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
		return 0, ErrStaleRevision
	}
	b.values[key] = value
	b.revisions[key]++
	return b.revisions[key], b.away
}

// claimed returns the accounts of a user whose record claims an effect.
func claimed(t *testing.T, p *parts, id string, r record.Record) *accounts {
	t.Helper()
	r.UserID, r.Claim = id, &record.Claim{Key: 1}
	x := &accounts{parts: p, user: &user{key: record.AccountKey("acme", id), stored: stored{record: &r}}}
	_, x.user.stored.revision, _ = p.deps.Records.Load(t.Context(), x.user.key)
	x.store(t, &r)
	return x
}

// store stores the record of a user.
func (x *accounts) store(t *testing.T, r *record.Record) {
	t.Helper()
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if x.user.stored.revision, err = x.deps.Records.Store(t.Context(), x.user.key, encoded, x.user.stored.revision); err != nil {
		t.Fatal(err)
	}
}

func acme() (p *parts, records, index *bucket) {
	records, index = newBucket(), newBucket()
	p = &parts{reader: reader{vendor: &Vendor{Name: "acme"}}, deps: &Deps{Records: records, Index: index}}
	p.vendor.Port.Store(new(vendors.Adapter))
	return p, records, index
}

// The entry of an account that the vendor has just made is stored without a look at the index, unless
// another user has the account.
func TestReserveMade(t *testing.T) {
	p, _, index := acme()
	looks := 0
	index.after = func(string) { looks++ }
	first := claimed(t, p, "u1", record.Record{})
	if err := first.reserveMade(t.Context(), "7"); err != nil || !first.isReserved("7") || looks > 0 {
		t.Errorf("an account without an entry: %v, %d looks at the index", err, looks)
	}
	second := claimed(t, p, "u2", record.Record{})
	err := second.reserveMade(t.Context(), "7")
	if held, ok := errors.AsType[*heldError](err); !ok || held.holder != first.user.key || second.isReserved("7") {
		t.Errorf("an account of another user: %v", err)
	}
	index.away = errors.New("no answer")
	if err := first.reserveMade(t.Context(), "8"); !errors.Is(err, errReserve) || first.isReserved("8") {
		t.Errorf("without an answer: %v", err)
	}
}

// A user whose record was free when another user looked keeps the entry, if the user claims
// the account before the other user takes the entry over.
func TestTakeoverLosesToTheHolder(t *testing.T) {
	p, records, index := acme()
	first := claimed(t, p, "u1", record.Record{})
	if err := first.reserve(t.Context(), "7", false); err != nil {
		t.Fatal(err)
	}
	first.store(t, &record.Record{UserID: "u1"}) // the claim ends without an account
	second := claimed(t, p, "u2", record.Record{})
	records.after = func(key string) {
		if key != first.user.key {
			return
		}
		records.after = func(string) {}
		if err := claimed(t, p, "u1", record.Record{}).reserve(t.Context(), "7", false); err != nil {
			t.Error(err)
		}
	}
	err := second.reserve(t.Context(), "7", false)
	if held, ok := errors.AsType[*heldError](err); !ok || !held.changing {
		t.Errorf("got %v, want the second user to wait", err)
	}
	if got := "acme." + string(index.values[record.IndexKey("acme", "7")]); got != first.user.key {
		t.Errorf("the index names %s", got)
	}
}

// A user who takes an entry over looks the account up again: the former holder may have deleted the
// account since the look-up. A preview stores no entry, and goes on.
func TestTakeoverLooksAgain(t *testing.T) {
	p, _, index := acme()
	first := claimed(t, p, "u1", record.Record{})
	if err := first.reserve(t.Context(), "7", false); err != nil {
		t.Fatal(err)
	}
	first.store(t, &record.Record{UserID: "u1"})
	second := claimed(t, p, "u2", record.Record{})
	second.preview = true
	if err := second.reserve(t.Context(), "7", false); err != nil {
		t.Errorf("a preview got %v", err)
	}
	index.values[record.IndexKey("acme", "7")] = []byte(record.Digest("u1")) // as a preview leaves the index
	second = claimed(t, p, "u2", record.Record{})
	err := second.reserve(t.Context(), "7", false)
	if held, ok := errors.AsType[*heldError](err); !ok || !held.changing || second.isReserved("7") {
		t.Errorf("got %v, want a further look", err)
	}
	if err := second.reserve(t.Context(), "7", false); err != nil {
		t.Errorf("got %v after the look", err)
	}
}

// A reservation counts for one revision of the record: another revision may have another claim.
func TestReservationEndsWithTheRevision(t *testing.T) {
	p, _, _ := acme()
	u := claimed(t, p, "u1", record.Record{})
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
			p, _, index := acme()
			looked := false
			index.after = func(string) { looked = true }
			u := claimed(t, p, "u1", record.Record{State: record.Active, AccountID: "7", Indexed: c.indexed})
			if err := u.reserve(t.Context(), "7", c.removes); err != nil || looked != c.want {
				t.Errorf("looked: %v (%v), want %v", looked, err, c.want)
			}
		})
	}
}

// A failure of NATS is neither a conflict nor a failure of the vendor.
func TestReserveWithoutNATS(t *testing.T) {
	p, records, index := acme()
	u := claimed(t, p, "u1", record.Record{})
	index.values[record.IndexKey("acme", "7")] = []byte(record.Digest("u2"))
	for _, b := range []*bucket{records, index} {
		b.away = errors.New("nats does not answer")
		err := u.reserve(t.Context(), "7", false)
		if _, held := errors.AsType[*heldError](err); held || !errors.Is(err, errReserve) || !errors.Is(err, b.away) {
			t.Errorf("got %v", err)
		}
		b.away = nil
	}
}
