package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/events"
)

// counted counts the loads of a store.
type counted struct {
	store

	loads *atomic.Int64
}

func (s counted) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	s.loads.Add(1)
	return s.store.Load(ctx, key)
}

// TestARecordIsReadOnceForManyEvents sends a creation and a deletion of one user.
func TestARecordIsReadOnceForManyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deleted := `{"specversion":"1.0","id":"2","source":"/school","type":"user.deleted","data":{"user_id":"u1","email":"ada@example.org"}}`
		b := bench{more: map[string]string{events.UserDeleted: deleted}}
		b.carryOut(t, events.UserCreated, []byte(created), func(int64) error { return nil })
		if got := len(b.told.results); got != 2 {
			t.Fatalf("got %d results, want 2", got)
		}
		if got := b.loads.Load(); got != 1 {
			t.Errorf("got %d loads, want 1", got)
		}
	})
}
