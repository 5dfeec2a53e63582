package intake

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/events"
)

// measuredLease is a lease whose measure of the time of the server changes, and of which NATS
// answers no release.
type measuredLease struct{ offset time.Duration }

func (l *measuredLease) ServerTime(now time.Time) time.Time { return now.Add(l.offset) }

func (*measuredLease) Renew(context.Context) error { return nil }

// Release gets no answer.
func (*measuredLease) Release(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (*measuredLease) Until() time.Time { return time.Now().Add(time.Minute) }

// A renewal that measures an earlier time than the one before does not turn the time back.
func TestTheTimeOfAnOwnershipNeverGoesBack(t *testing.T) {
	l := &measuredLease{}
	x := &ownership{lease: l}
	before := x.Now()
	l.offset = -time.Minute
	if after := x.Now(); after.Before(before) {
		t.Errorf("the time went back by %s", before.Sub(after))
	}
	l.offset = time.Minute
	if after := x.Now(); after.Sub(before) < time.Minute {
		t.Errorf("the time stands at %s after the first, want a minute", after.Sub(before))
	}
}

// Without an answer of NATS an ownership ends within a quarter of the time for the end of the
// process: the rest is the grace of the turns.
func TestAnOwnershipEndsWithoutNATS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &ownership{
			Owner: New(Config{Grace: 3 * time.Second}, Deps{}), lease: &measuredLease{}, tracker: newTracker(events.Position{}, eventBounds),
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := x.end(ctx); err == nil || time.Since(began) != time.Second {
			t.Errorf("got %v after %s, want an error after a second", err, time.Since(began))
		}
	})
}
