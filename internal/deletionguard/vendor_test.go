package deletionguard_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
)

// few are limits below the limits over all vendors.
var few = deletionguard.Config{Window: time.Hour, Count: 20, Share: 1, Least: 100}

// changeAt changes the record of a vendor, as a person does.
func (s *school) changeAt(vendor string, change func(*deletionguard.Record)) {
	s.t.Helper()
	if _, err := deletionguard.Change(s.t.Context(), &s.store, deletionguard.KeyOf(vendor), change); err != nil {
		s.t.Fatal(err)
	}
}

// repairs asks about a number of repairs, and returns the last verdict.
func (s *school) repairs(v *deletionguard.Vendor, n int) (last deletionguard.Verdict) {
	s.t.Helper()
	for i := range n {
		last = s.remove(v, deletionguard.Removal{First: time.Now(), Key: fmt.Sprint("repair ", time.Now(), i)})
	}
	return last
}

// The limits of a vendor hold the deletions there, and nowhere else.
func TestAVendorHasLimitsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		strict := s.open("meiro", few)
		if got := s.publish(40, 1000); got != deletionguard.Proceed {
			t.Errorf("got %v at a vendor without limits of its own", got)
		}
		if got := s.ask(strict, time.Now()); got != deletionguard.Hold {
			t.Errorf("got %v at the vendor with a limit of 20, want a hold", got)
		}
		if got := s.ask(s.open("meiro", few), time.Now()); got != deletionguard.Hold {
			t.Errorf("got %v from a further process, want a hold", got)
		}
		if !strict.Holds() || s.guard.Holds() {
			t.Errorf("got holds %v and %v, want only the first", strict.Holds(), s.guard.Holds())
		}
	})
}

// Removals that are no published deletions count at the vendor: once each, in all processes
// together, and within the window.
func TestOtherRemovalsCount(t *testing.T) {
	const limit = 20
	cases := map[string]struct {
		ask  func(s *school, v *deletionguard.Vendor) deletionguard.Verdict
		want deletionguard.Verdict
	}{
		"as many as are let through": {func(s *school, v *deletionguard.Vendor) deletionguard.Verdict { return s.repairs(v, limit) }, deletionguard.Proceed},
		"one more":                   {func(s *school, v *deletionguard.Vendor) deletionguard.Verdict { return s.repairs(v, limit+1) }, deletionguard.Hold},
		"one, again and again": {func(s *school, v *deletionguard.Vendor) (last deletionguard.Verdict) {
			for range 3 * limit {
				last = s.remove(v, deletionguard.Removal{First: time.Now(), Key: "the same"})
			}
			return last
		}, deletionguard.Proceed},
		"over several processes": {func(s *school, v *deletionguard.Vendor) deletionguard.Verdict {
			s.repairs(v, limit-5)
			return s.repairs(s.open("meiro", few), 6)
		}, deletionguard.Hold},
		"together with deletions": {func(s *school, v *deletionguard.Vendor) deletionguard.Verdict {
			s.add(limit, 1000)
			return s.repairs(v, 1)
		}, deletionguard.Hold},
		"from before the window": {func(s *school, v *deletionguard.Vendor) deletionguard.Verdict {
			s.repairs(v, limit)
			time.Sleep(few.Window + few.Window/10)
			return s.repairs(v, limit)
		}, deletionguard.Proceed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSchool(t)
				s.add(0, 100)
				if got := c.ask(s, s.open("meiro", few)); got != c.want {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

// The limit of the share counts other removals, too.
func TestTheShareOfOtherRemovals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		s.add(0, 199)
		if got := s.repairs(s.guard, 99); got != deletionguard.Proceed {
			t.Errorf("got %v for 99 removals among 199 events", got)
		}
		if got := s.repairs(s.guard, 1); got != deletionguard.Hold {
			t.Errorf("got %v for 100 removals among 199 events, want a hold", got)
		}
	})
}

// Published deletions that remove nothing at the vendor do not count there.
func TestSparedVendor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		all := deletionguard.New(limits, &s.store, s.counts)
		v := deletionguard.NewVendor(all, deletionguard.VendorConfig{Name: "meiro", Limits: few, Spared: true})
		s.add(40, 1000)
		if got := s.repairs(v, 20); got != deletionguard.Proceed {
			t.Errorf("got %v for 20 removals, want that they go on", got)
		}
		if got := s.repairs(v, 1); got != deletionguard.Hold {
			t.Errorf("got %v for one more, want a hold", got)
		}
	})
}

// A person decides for one vendor, whichever limit holds the deletions, and for all.
func TestDecisionsForAVendor(t *testing.T) {
	approve := func(r *deletionguard.Record) { r.Approve(time.Now().Add(30 * time.Minute)) }
	discard := func(r *deletionguard.Record) { r.Discard(time.Now()) }
	cases := map[string]struct {
		overAll bool // the hold is over all vendors
		decide  func(s *school)
		now     deletionguard.Verdict // about a held deletion
		later   deletionguard.Verdict // after an hour, about a deletion published then
		others  deletionguard.Verdict // at another vendor
	}{
		"approved at the vendor": {
			decide: func(s *school) { s.changeAt("meiro", approve) },
			now:    deletionguard.Proceed, later: deletionguard.Proceed, others: deletionguard.Proceed,
		},
		"dropped at the vendor": {
			decide: func(s *school) { s.changeAt("meiro", discard) },
			now:    deletionguard.Discard, later: deletionguard.Proceed, others: deletionguard.Proceed,
		},
		"held over all, approved at the vendor": {
			overAll: true, decide: func(s *school) { s.changeAt("meiro", approve) },
			now: deletionguard.Proceed, later: deletionguard.Hold, others: deletionguard.Hold,
		},
		"held over all, dropped at the vendor": {
			overAll: true, decide: func(s *school) { s.changeAt("meiro", discard) },
			now: deletionguard.Discard, later: deletionguard.Hold, others: deletionguard.Hold,
		},
		"dropped over all": {
			overAll: true, decide: func(s *school) { s.change(discard) },
			now: deletionguard.Discard, later: deletionguard.Proceed, others: deletionguard.Discard,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSchool(t)
				v, n := s.open("meiro", few), uint64(40)
				if c.overAll {
					v, n = s.open("meiro", limits), 5000
				}
				held := time.Now()
				s.add(n, 1000)
				if got := s.ask(v, held); got != deletionguard.Hold || !v.Holds() {
					t.Fatalf("got %v, want a hold", got)
				}
				released := v.Released()
				c.decide(s)
				if got := s.ask(v, held); got != c.now {
					t.Errorf("got %v, want %v", got, c.now)
				}
				<-released // or the test never ends
				if got := s.ask(s.guard, held); got != c.others {
					t.Errorf("got %v at another vendor, want %v", got, c.others)
				}
				time.Sleep(time.Hour)
				if got := s.ask(v, time.Now()); got != c.later || v.Holds() != (c.later == deletionguard.Hold) {
					t.Errorf("got %v an hour later, want %v", got, c.later)
				}
			})
		})
	}
}

// Removals during an approval over all vendors do not count at a vendor.
func TestApprovalOverAllVendors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		v := s.open("meiro", few)
		s.change(func(r *deletionguard.Record) { r.Approve(time.Now().Add(time.Hour)) })
		time.Sleep(58 * time.Minute)
		if got := s.repairs(v, 60); got != deletionguard.Proceed {
			t.Errorf("got %v within the approval", got)
		}
		time.Sleep(2 * time.Minute)
		if got := s.repairs(v, 20); got != deletionguard.Proceed {
			t.Errorf("got %v for 20 removals after the approval", got)
		}
		if got := s.repairs(v, 1); got != deletionguard.Hold {
			t.Errorf("got %v for one more, want a hold", got)
		}
	})
}

// Removals that a person has dropped do not count later.
func TestRemovalsAfterADecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		v := s.open("meiro", few)
		if got := s.repairs(v, 21); got != deletionguard.Hold {
			t.Errorf("got %v for 21 removals, want a hold", got)
		}
		s.changeAt("meiro", func(r *deletionguard.Record) { r.Discard(time.Now()) })
		if got := s.repairs(v, 20); got != deletionguard.Proceed {
			t.Errorf("got %v for 20 removals after the decision", got)
		}
		if got := s.repairs(v, 2); got != deletionguard.Hold { // the first one after the decision still saw the hold
			t.Errorf("got %v for two more, want a hold", got)
		}
	})
}

// A guard that is turned off at a vendor leaves the limits over all vendors, and the decisions of a
// person.
func TestAVendorWithoutLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		v := s.open("meiro", deletionguard.Config{Window: time.Hour})
		s.changeAt("meiro", func(r *deletionguard.Record) { r.Held, r.Why = time.Now(), "from before" })
		if got := s.repairs(v, 60); got != deletionguard.Proceed || v.Holds() {
			t.Errorf("got %v for 60 removals, want that they go on", got)
		}
		s.add(5000, 0)
		if got := s.ask(v, time.Now()); got != deletionguard.Hold || !v.Holds() {
			t.Errorf("got %v for 5000 deletions, want the hold over all vendors", got)
		}
		s.changeAt("meiro", func(r *deletionguard.Record) { r.Approve(time.Now().Add(time.Hour)) })
		if got := s.ask(v, time.Now()); got != deletionguard.Proceed || v.Holds() {
			t.Errorf("got %v after the approval at the vendor", got)
		}
	})
}

// The approval of one user at a vendor lets the removal of this user go on there, until its end, and ends
// no hold.
func TestApprovalOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t)
		v, other := s.open("meiro", few), s.open("lead", few)
		held := deletionguard.Removal{First: time.Now(), User: "a"}
		s.add(40, 1000)
		if got := s.remove(v, held); got != deletionguard.Hold {
			t.Fatalf("got %v, want a hold", got)
		}
		_, approved := v.ApprovedUsers()
		s.changeAt("meiro", func(r *deletionguard.Record) {
			if err := r.ApproveUser("a", time.Now(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		if got := s.remove(v, held); got != deletionguard.Proceed || !v.Approved("a") || !v.Holds() {
			t.Errorf("got %v, want the removal of the approved user, and a hold", got)
		}
		<-approved // or the test never ends
		if got, _ := v.ApprovedUsers(); len(got) != 1 || got[0] != "a" {
			t.Errorf("got the approved users %v", got)
		}
		for name, got := range map[string]deletionguard.Verdict{
			"another user":   s.remove(v, deletionguard.Removal{First: time.Now(), User: "b"}),
			"another vendor": s.remove(other, held),
		} {
			if got != deletionguard.Hold {
				t.Errorf("%s: got %v, want a hold", name, got)
			}
		}
		time.Sleep(time.Hour)
		if got := s.remove(v, held); got != deletionguard.Hold || v.Approved("a") {
			t.Errorf("got %v after the approval, want a hold", got)
		}
	})
}

// The approvals of single users are bounded in number, and those that are over make room.
func TestApprovalsOfManyUsers(t *testing.T) {
	var r deletionguard.Record
	now := time.Now()
	for i := range 1000 {
		if err := r.ApproveUser(fmt.Sprint(i), now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.ApproveUser("a", now, now.Add(time.Hour)); !errors.Is(err, deletionguard.ErrManyUsers) || len(r.Users) != 1000 {
		t.Errorf("got %v and %d users, want a refusal", err, len(r.Users))
	}
	if err := r.ApproveUser("7", now, now.Add(time.Hour)); err != nil {
		t.Errorf("got %v for an approved user", err)
	}
	if err := r.ApproveUser("a", now.Add(time.Minute), now.Add(time.Hour)); err != nil || len(r.Users) != 2 {
		t.Errorf("got %v and %d users, want the two in force", err, len(r.Users))
	}
}
