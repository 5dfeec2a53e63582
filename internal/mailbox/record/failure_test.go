package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// TestFailure keeps the last failed attempt of a pending effect, bounded, and no failure of an
// effect that has ended.
func TestFailure(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated))
	a := call(t, r, 1)
	r.Postpone(a, record.Pause{Due: start, Class: "transient", Message: strings.Repeat("ä", 1000), At: start})
	again := decoded(t, r)
	f, ok := again.FailureOf(&again.Pending[0])
	if !ok || f.Class != "transient" || !f.At.Equal(start) || len(f.Message) > 410 || !strings.HasSuffix(f.Message, "ä…") {
		t.Errorf("got %+v", f)
	}
	r.Next(start.Add(time.Hour), owner)
	r.Finish(record.Attempt{Key: a.Key, Nonce: owner.Nonce}, done, created)
	if again := decoded(t, r); again.Failure.Message != "" {
		t.Errorf("got %+v of an effect that has ended", again.Failure)
	}
}

// decoded returns a record as it is read after it was stored.
func decoded(t *testing.T, r *record.Record) *record.Record {
	t.Helper()
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := record.Decode(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return again
}
