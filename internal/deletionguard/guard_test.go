package deletionguard_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/streams"
)

// memory is a store in memory.
type memory struct {
	mu      sync.Mutex
	records map[string]stored
}

type stored struct {
	value    []byte
	revision uint64
}

func (s *memory) Load(_ context.Context, key string) ([]byte, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[key].value, s.records[key].revision, nil
}

func (s *memory) Store(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision != s.records[key].revision {
		return 0, streams.ErrStaleRevision
	}
	if s.records == nil {
		s.records = map[string]stored{}
	}
	s.records[key] = stored{value, revision + 1}
	return revision + 1, nil
}

// school is a stream of events, and the guard of a vendor.
type school struct {
	t       *testing.T
	batches []batch
	store   memory
	guard   *deletionguard.Vendor
}

func newSchool(t *testing.T) *school {
	s := &school{t: t}
	s.add(5000, 95_000)
	time.Sleep(time.Second)
	s.guard = s.open("lead", limits)
	return s
}

// limits are the limits over all vendors.
var limits = deletionguard.Config{Window: time.Hour, Count: 1000, Share: 0.5, Least: 100}

// batch is a number of events that were published together.
type batch struct {
	at                time.Time
	deletions, others uint64
}

// add adds events to the stream.
func (s *school) add(deletions, others uint64) {
	s.batches = append(s.batches, batch{time.Now(), deletions, others})
}

func (s *school) counts(_ context.Context, since time.Time) (deleted, all uint64, err error) {
	for _, b := range s.batches {
		if !b.at.Before(since) {
			deleted, all = deleted+b.deletions, all+b.deletions+b.others
		}
	}
	return deleted, all, nil
}

// open returns the guard of a vendor in a further process.
func (s *school) open(vendor string, own deletionguard.Config) *deletionguard.Vendor {
	all := deletionguard.New(limits, &s.store, s.counts)
	if err := all.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	return deletionguard.NewVendor(all, deletionguard.VendorConfig{Name: vendor, Limits: own})
}

// publish adds events to the stream, and returns the verdict about a deletion then.
func (s *school) publish(deletions, others uint64) deletionguard.Verdict {
	s.add(deletions, others)
	return s.ask(s.guard, time.Now())
}

func (s *school) ask(v *deletionguard.Vendor, first time.Time) deletionguard.Verdict {
	s.t.Helper()
	return s.remove(v, deletionguard.Removal{First: first})
}

// remove asks a guard about a removal.
func (s *school) remove(v *deletionguard.Vendor, r deletionguard.Removal) deletionguard.Verdict {
	s.t.Helper()
	time.Sleep(time.Second)
	verdict, err := v.Removal(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return verdict
}

func TestLimits(t *testing.T) {
	cases := map[string]struct {
		deletions, others uint64
		want              deletionguard.Verdict
	}{
		"a usual hour":               {40, 1000, deletionguard.Proceed},
		"few, though nothing else":   {99, 0, deletionguard.Proceed},
		"half of all and no more":    {500, 500, deletionguard.Proceed},
		"more than half of all":      {501, 499, deletionguard.Hold},
		"many among very many":       {1001, 100_000, deletionguard.Hold},
		"as many as are let through": {1000, 100_000, deletionguard.Proceed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := newSchool(t).publish(c.deletions, c.others); got != c.want {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestTheWindowMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		for hour := range 24 {
			for range 6 {
				if got := s.publish(120, 1000); got != deletionguard.Proceed {
					t.Fatalf("got %v in hour %d of 720 deletions an hour, want that they go on", got, hour)
				}
				time.Sleep(10 * time.Minute)
			}
		}
		if got := s.publish(700, 1000); got != deletionguard.Hold {
			t.Errorf("got %v after 700 more, want a hold", got)
		}
	})
}

// Nobody asks the guard for days: only the deletions of the last hour count then.
func TestDeletionsOfQuietDaysDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		for range 5 * 24 {
			s.add(40, 0)
			time.Sleep(time.Hour)
		}
		if got := s.publish(10, 0); got != deletionguard.Proceed {
			t.Errorf("got %v for ten deletions after 4,800 in five days, want that they go on", got)
		}
	})
}

// A process that only watches the record hears of the end of a hold.
func TestTheEndOfAHoldIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		other := s.open("lead", limits)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		defer watching.Wait()
		defer stop()
		watching.Go(func() {
			for ctx.Err() == nil {
				for key, g := range map[string]*deletionguard.Guard{deletionguard.Key: other.All(), deletionguard.KeyOf("lead"): other.Own()} {
					value, _, _ := s.store.Load(ctx, key)
					g.See(value)
				}
				time.Sleep(time.Second)
			}
		})
		for _, end := range []func(*deletionguard.Record){
			func(r *deletionguard.Record) { r.Approve(time.Now()) },
			func(r *deletionguard.Record) { r.Discard(time.Now()) },
		} {
			released := other.Released()
			s.publish(5000, 0)
			time.Sleep(2 * time.Second)
			select {
			case <-released:
				t.Error("an end was heard before there was one")
			default:
			}
			if !other.Holds() {
				t.Error("the hold was not heard of")
			}
			s.change(end)
			<-released
			if other.Holds() {
				t.Error("the hold goes on")
			}
		}
	})
}

func TestAStreamThatIsMadeAnewIsCountedFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		s.batches = nil
		if got := s.publish(1001, 0); got != deletionguard.Hold {
			t.Errorf("got %v after 1001 deletions, want a hold", got)
		}
	})
}

func TestAHoldIsEverybodysUntilItIsApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		s.publish(5000, 0)
		other := s.open("lead", limits)
		if got := s.ask(other, time.Now()); got != deletionguard.Hold {
			t.Errorf("got %v from another process, want a hold", got)
		}
		time.Sleep(48 * time.Hour)
		if got := s.ask(other, time.Now()); got != deletionguard.Hold {
			t.Errorf("got %v two days later, want a hold", got)
		}
		s.change(func(r *deletionguard.Record) { r.Approve(time.Now().Add(time.Hour)) })
		if got := s.publish(5000, 0); got != deletionguard.Proceed {
			t.Errorf("got %v within the time of an approval, want that they go on", got)
		}
		time.Sleep(2 * time.Hour)
		if got := s.publish(5000, 0); got != deletionguard.Hold {
			t.Errorf("got %v after the time of an approval, want a hold", got)
		}
	})
}

func TestAnApprovalThatIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		s.change(func(r *deletionguard.Record) { r.Approve(time.Now().Add(time.Hour)) })
		s.publish(5000, 0)
		s.change(func(r *deletionguard.Record) { r.EndApproval(time.Now()) })
		if got := s.publish(10, 0); got != deletionguard.Proceed {
			t.Errorf("got %v for a few more, want that what was approved does not count", got)
		}
		if got := s.publish(5000, 0); got != deletionguard.Hold {
			t.Errorf("got %v for many more, want a hold", got)
		}
		s.change(func(r *deletionguard.Record) { r.EndApproval(time.Now()) })
		if got := s.ask(s.guard, time.Now()); got != deletionguard.Hold {
			t.Errorf("got %v after the end of an approval that there is not, want the hold as it was", got)
		}
	})
}

func TestWhatIsDiscardedIsDroppedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		held := time.Now()
		s.publish(5000, 0)
		s.change(func(r *deletionguard.Record) { r.Discard(time.Now()) })
		if got := s.ask(s.guard, held); got != deletionguard.Discard {
			t.Errorf("got %v for a deletion that was held, want that it is dropped", got)
		}
		if got := s.ask(s.guard, time.Now()); got != deletionguard.Proceed {
			t.Errorf("got %v for a later one, want that it goes on", got)
		}
	})
}

func TestACountOfZeroTurnsItOff(t *testing.T) {
	all := deletionguard.New(deletionguard.Config{}, nil, nil)
	if err := all.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := deletionguard.NewVendor(all, deletionguard.VendorConfig{Name: "lead"})
	if got, err := b.Removal(t.Context(), deletionguard.Removal{First: time.Now(), Key: "a repair"}); got != deletionguard.Proceed || err != nil {
		t.Errorf("got %v (%v), want that deletions go on", got, err)
	}
}

func (s *school) change(change func(*deletionguard.Record)) {
	s.t.Helper()
	if _, err := deletionguard.Change(s.t.Context(), &s.store, deletionguard.Key, change); err != nil {
		s.t.Fatal(err)
	}
}

// TestChangeLosesNothing changes the record while another process does.
func TestChangeLosesNothing(t *testing.T) {
	var store memory
	other := true
	at := time.Unix(1, 0).UTC()
	_, err := deletionguard.Change(t.Context(), &store, deletionguard.Key, func(r *deletionguard.Record) {
		if other {
			other = false
			if _, err := deletionguard.Change(t.Context(), &store, deletionguard.Key, func(r *deletionguard.Record) { r.Approved = at }); err != nil {
				t.Fatal(err)
			}
		}
		r.Dropped = at
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := deletionguard.Read(t.Context(), &store, deletionguard.Key); err != nil || !got.Approved.Equal(at) || !got.Dropped.Equal(at) {
		t.Errorf("got %+v, %v, want both changes", got, err)
	}
	_, before, _ := store.Load(t.Context(), deletionguard.Key)
	if _, err := deletionguard.Change(t.Context(), &store, deletionguard.Key, func(*deletionguard.Record) {}); err != nil {
		t.Error(err)
	}
	if _, after, _ := store.Load(t.Context(), deletionguard.Key); after != before {
		t.Errorf("got revision %d, want no write of an unchanged record", after)
	}
}
