package streams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// bucket opens a bucket with n records, a.0 to a.n-1.
func bucket(t *testing.T, e *env, n int) *streams.Records {
	t.Helper()
	e.create(jetstream.StreamConfig{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxMsgsPerSubject: 1, AllowRollup: true})
	for i := range n {
		_, err := e.js.PublishAsync(fmt.Sprintf("$KV.ACCOUNTS.a.%d", i), []byte("v"))
		check(t, err)
	}
	select {
	case <-e.js.PublishAsyncComplete():
	case <-time.After(patience):
		t.Fatal("the records are not stored")
	}
	r, err := streams.OpenRecords(t.Context(), e.client(), "ACCOUNTS")
	check(t, err)
	return r
}

func TestRecordsAreWrittenByCompareAndSet(t *testing.T) {
	r := bucket(t, start(t), 0)
	if value, revision, err := r.Load(t.Context(), "a.b"); value != nil || revision != 0 || err != nil {
		t.Fatalf("a missing key: got %q, %d, %v", value, revision, err)
	}
	first, err := r.Store(t.Context(), "a.b", []byte("1"), 0)
	check(t, err)
	if _, err := r.Store(t.Context(), "a.b", []byte("x"), 0); !errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("created twice: got %v, want ErrStaleRevision", err)
	}
	second, err := r.Store(t.Context(), "a.b", []byte("2"), first)
	check(t, err)
	if _, err := r.Store(t.Context(), "a.b", []byte("x"), first); !errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("an old revision: got %v, want ErrStaleRevision", err)
	}
	if value, revision, err := r.Load(t.Context(), "a.b"); string(value) != "2" || revision != second || err != nil {
		t.Errorf("got %q, %d, %v", value, revision, err)
	}
}

func TestADeletedRecordIsMissing(t *testing.T) {
	r := bucket(t, start(t), 0)
	first, err := r.Store(t.Context(), "a.b", []byte("1"), 0)
	check(t, err)
	if err := r.Delete(t.Context(), "a.b", first+1); !errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("another revision: got %v, want ErrStaleRevision", err)
	}
	check(t, r.Delete(t.Context(), "a.b", first))
	if _, revision, err := r.Load(t.Context(), "a.b"); revision != 0 || err != nil {
		t.Errorf("got revision %d (%v), want none", revision, err)
	}
	_, err = r.Store(t.Context(), "a.b", []byte("2"), 0)
	check(t, err)
}

func TestATooLargeRecord(t *testing.T) {
	r := bucket(t, start(t), 0)
	if _, err := r.Store(t.Context(), "a.b", make([]byte, 2<<20), 0); !errors.Is(err, streams.ErrTooLarge) {
		t.Errorf("beyond max_payload: got %v, want ErrTooLarge", err)
	}
}

func TestARecordTooLargeForItsBucket(t *testing.T) {
	e := start(t)
	e.create(jetstream.StreamConfig{Name: "KV_SMALL", Subjects: []string{"$KV.SMALL.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, MaxMsgSize: 1024})
	r, err := streams.OpenRecords(t.Context(), e.client(), "SMALL")
	check(t, err)
	if _, err := r.Store(t.Context(), "a.b", make([]byte, 4096), 0); !errors.Is(err, streams.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestAServerThatIsAway(t *testing.T) {
	e := start(t)
	bucket(t, e, 1)
	r, err := streams.OpenRecords(t.Context(), streams.Client{JetStream: e.js, Timeout: 50 * time.Millisecond}, "ACCOUNTS")
	check(t, err)
	e.stop()
	if _, _, err := r.Load(t.Context(), "a.0"); err == nil {
		t.Error("load: got no error")
	}
	if _, err := r.Store(t.Context(), "a.0", nil, 1); err == nil || errors.Is(err, streams.ErrStaleRevision) {
		t.Errorf("store: got %v, want another error than ErrStaleRevision", err)
	}
	for _, err := range r.List(t.Context(), "") {
		if err == nil {
			t.Error("list: got a record")
		}
	}
}

// keys lists the keys below a prefix.
func keys(t *testing.T, r *streams.Records, prefix string) (list []string) {
	t.Helper()
	for record, err := range r.List(t.Context(), prefix) {
		check(t, err)
		list = append(list, record.Key+"="+string(record.Value))
	}
	return list
}

func TestList(t *testing.T) {
	e := start(t)
	r := bucket(t, e, 0)
	if got := keys(t, r, ""); got != nil {
		t.Errorf("an empty bucket: got %v", got)
	}
	for _, key := range []string{"lms.1", "lms.2", "lms-two.1", "lms.3"} {
		revision, err := r.Store(t.Context(), key, []byte("x"), 0)
		check(t, err)
		if key == "lms.2" {
			check(t, r.Delete(t.Context(), key, revision))
		}
	}
	_, revision, err := r.Load(t.Context(), "lms.1")
	check(t, err)
	_, err = r.Store(t.Context(), "lms.1", []byte("y"), revision)
	check(t, err)
	for prefix, want := range map[string][]string{
		"lms": {"lms.3=x", "lms.1=y"}, "lms-two": {"lms-two.1=x"}, "none": nil, "": {"lms-two.1=x", "lms.3=x", "lms.1=y"},
	} {
		if diff := cmp.Diff(want, keys(t, r, prefix)); diff != "" {
			t.Errorf("%q (-want +got)\n%s", prefix, diff)
		}
	}
	if names := e.consumers("KV_ACCOUNTS"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestListRefusesAnEmptyToken(t *testing.T) {
	r := bucket(t, start(t), 3)
	for _, prefix := range []string{"a.", ".a", "a..b"} {
		refused := false
		for _, err := range r.List(t.Context(), prefix) {
			refused = err != nil
		}
		if !refused {
			t.Errorf("%q: got no error", prefix)
		}
	}
}

func TestListStopsWhenAsked(t *testing.T) {
	e := start(t)
	for range bucket(t, e, 20).List(t.Context(), "") {
		break
	}
	if names := e.consumers("KV_ACCOUNTS"); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}

func TestListOutlivesItsConsumer(t *testing.T) {
	const n = 1200
	e := start(t)
	r := bucket(t, e, n)
	seen := map[string]bool{}
	for record, err := range r.List(t.Context(), "") {
		check(t, err)
		if len(seen) == 10 {
			e.deleteConsumers("KV_ACCOUNTS")
		}
		if seen[record.Key] {
			t.Fatalf("%s came twice", record.Key)
		}
		seen[record.Key] = true
	}
	if len(seen) != n {
		t.Errorf("got %d records, want %d", len(seen), n)
	}
}

// The last record may be purged while the listing is on its way to it.
func TestListEndsWithoutItsLastRecord(t *testing.T) {
	e := start(t)
	r := bucket(t, e, 1200)
	seen := 0
	for _, err := range r.List(t.Context(), "") {
		check(t, err)
		if seen++; seen == 10 {
			check(t, e.stream("KV_ACCOUNTS").Purge(t.Context(), jetstream.WithPurgeSubject("$KV.ACCOUNTS.a.1199")))
		}
	}
	if seen < 1199 {
		t.Errorf("got %d records, want 1199", seen)
	}
}

// A record that is stored during the listing moves to the end of the bucket, and is listed.
func TestListHasRecordsStoredMeanwhile(t *testing.T) {
	const n = 1200
	e := start(t)
	r := bucket(t, e, n)
	var keys []string
	for record, err := range r.List(t.Context(), "") {
		check(t, err)
		keys = append(keys, record.Key)
	}
	seen := map[string]bool{}
	for record, err := range r.List(t.Context(), "") {
		check(t, err)
		if len(seen) == 0 {
			for _, key := range keys[n-100:] {
				_, revision, err := r.Load(t.Context(), key)
				check(t, err)
				_, err = r.Store(t.Context(), key, []byte("new"), revision)
				check(t, err)
			}
		}
		seen[record.Key] = true
	}
	if len(seen) != n {
		t.Errorf("got %d records, want %d", len(seen), n)
	}
}

// A listing ends although records are written during all of it.
func TestListEndsBesideAWriter(t *testing.T) {
	const n = 1200
	e := start(t)
	r := bucket(t, e, n)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			e.js.Publish(ctx, fmt.Sprintf("$KV.ACCOUNTS.a.new%d", i), []byte("v"))
		}
	})
	seen := 0
	for record, err := range r.List(t.Context(), "a") {
		check(t, err)
		if !strings.HasPrefix(record.Key, "a.new") {
			seen++
		}
	}
	if seen != n {
		t.Errorf("got %d records, want %d", seen, n)
	}
}

// unansweredKV loses the answer of the next update of a bucket, which the server stores.
type unansweredKV struct {
	jetstream.JetStream
	next atomic.Bool
}

func (u *unansweredKV) KeyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	kv, err := u.JetStream.KeyValue(ctx, name)
	return &lossyKV{kv, &u.next}, err
}

type lossyKV struct {
	jetstream.KeyValue
	next *atomic.Bool
}

func (l *lossyKV) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	revision, err := l.KeyValue.Update(ctx, key, value, revision)
	if l.next.CompareAndSwap(true, false) {
		return 0, errors.Join(err, errUnanswered)
	}
	return revision, err
}
