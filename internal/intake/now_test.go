package intake

import (
	"context"
	"testing"
	"time"
)

// measuredLease is a lease whose measure of the time of the server changes.
type measuredLease struct{ offset time.Duration }

func (l *measuredLease) ServerTime(now time.Time) time.Time { return now.Add(l.offset) }

func (*measuredLease) Renew(context.Context) error   { return nil }
func (*measuredLease) Release(context.Context) error { return nil }
func (*measuredLease) Until() time.Time              { return time.Now().Add(time.Minute) }

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
