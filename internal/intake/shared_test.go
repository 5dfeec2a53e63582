package intake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// Two users with one account at the vendor: docs/design.md, rule 5.19.

// checkHolders notes a fault if another record holds the account of a record. The lock is held.
func (s *server) checkHolders(key string) {
	stored, err := record.Decode(s.records[key])
	if err != nil {
		return
	}
	for other, b := range s.records {
		if r, err := record.Decode(b); err == nil && other != key && record.Holds(r, stored.AccountID) && record.Holds(stored, r.AccountID) {
			s.faults = append(s.faults, fmt.Sprintf("users %s and %s hold account %s", stored.UserID, r.UserID, r.AccountID))
		}
	}
}

// checkDeletion notes a fault if a deletion reaches an account that another user holds.
func (r *run) checkDeletion(key, account string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	p, ok := r.keys()[key]
	if !ok {
		return
	}
	for other, b := range r.server.records {
		holder, err := record.Decode(b)
		if err == nil && other != record.AccountKey("acme", fmt.Sprint("u", p.user)) && record.Holds(holder, account) {
			r.server.faults = append(r.server.faults, fmt.Sprintf("event %d deleted account %s of user %s", p.event, account, holder.UserID))
		}
	}
}

// shared sends an event of user 2, who has the address of user 1.
func shared(kind, id string) message {
	m := message{kind: kind, id: id, user: 2, email: email(1)}
	if !isWholeAccount(kind) {
		m.course = "go-1"
	}
	return m
}

// holder returns the record of a user.
func (r *run) holder(user int) (found record.Record) {
	r.records(func(one *record.Record) {
		if one.UserID == fmt.Sprint("u", user) {
			found = *one
		}
	})
	return found
}

// No event of another user touches an account that a user holds.
func TestAnAccountOfAnotherUser(t *testing.T) {
	for _, kind := range []string{
		events.UserCreated, events.UserUpdated, events.UserDeleted, events.UserRestored, events.EnrollmentRequested, events.EnrollmentCancelled,
	} {
		t.Run(kind, func(t *testing.T) {
			scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
				key := r.send(shared(kind, "e2"))
				r.awaitDead(t, key, "conflict")
				r.awaitOutcome(t, key, events.Failed)
				holder := record.AccountKey("acme", "u1")
				want := "account 1 belongs to another user (record " + holder + "): " +
					"delete one of the two users, or give them different e-mail addresses, then replay"
				if got := mailbox.HolderOf(want); got != holder {
					t.Errorf("got the record %q from the message, want %q", got, holder)
				}
				if got := r.letter(key).Message; got != want {
					t.Errorf("got message %q, want %q", got, want)
				}
				if got := r.holder(2); got.State != record.Unknown || got.AccountID != "" {
					t.Errorf("the second user has %q %q", got.State, got.AccountID)
				}
				live := r.vendor.live(email(1))
				if len(live) != 1 || live[0].data != "e1" || len(live[0].courses) > 0 {
					t.Errorf("got %d accounts: %+v", len(live), live)
				}
			})
		})
	}
}

// An account that a user held once is free, such as after the deletion of the user.
func TestFreeAccount(t *testing.T) {
	for name, release := range map[string]func(*testing.T, *run){
		"deleted": func(t *testing.T, r *run) {
			r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "e2", user: 1}), events.Done)
			r.vendor.mu.Lock()
			defer r.vendor.mu.Unlock()
			r.vendor.accounts[0].deleted = false // brought back by hand
		},
		"forgotten": func(_ *testing.T, r *run) {
			r.change(1, func(one *record.Record) { one.Forget(events.Position{Epoch: 1, Seq: 1}, time.Now()) })
		},
		"no record": func(_ *testing.T, r *run) {
			r.server.mu.Lock()
			defer r.server.mu.Unlock()
			delete(r.server.records, record.AccountKey("acme", "u1"))
		},
		"another account": func(_ *testing.T, r *run) {
			r.change(1, func(one *record.Record) { one.AccountID = "7" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
				r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
				r.awaitCommitted(t)
				release(t, r)
				r.awaitOutcome(t, r.send(shared(events.UserCreated, "e3")), events.AlreadyDone)
				r.awaitOutcome(t, r.send(shared(events.UserDeleted, "e4")), events.Done)
			})
		})
	}
}

// change changes the record of a user behind the back of the processes.
func (r *run) change(user int, change func(*record.Record)) {
	key := record.AccountKey("acme", fmt.Sprint("u", user))
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	one, err := record.Decode(r.server.records[key])
	if err != nil {
		panic(err)
	}
	change(one)
	if r.server.records[key], err = one.Encode(); err != nil {
		panic(err)
	}
	r.server.revisions[key]++
}

// A user who gets the address of a user who is being deleted waits for the deletion.
func TestAccountDuringADeletion(t *testing.T) {
	g := newGuard(deletionguard.Proceed)
	g.set(deletionguard.Hold)
	scenario(t, history{}, func(r *run) { r.guard = g }, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		deleted := r.send(message{kind: events.UserDeleted, id: "e2", user: 1})
		created := r.send(shared(events.UserCreated, "e3"))
		time.Sleep(5 * time.Second)
		g.set(deletionguard.Proceed)
		r.awaitOutcome(t, created, events.Done)
		r.awaitOutcome(t, deleted, events.Done)
		if live := r.vendor.live(email(1)); len(live) != 1 || live[0].data != "e3" {
			t.Errorf("got %d accounts: %+v", len(live), live)
		}
	})
}

// A user whose creation comes before the deletion of the former user with the address gets an account
// once the deletion is done.
func TestAddressThatIsGivenUpLater(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		created := r.send(shared(events.UserCreated, "e2"))
		time.Sleep(time.Second)
		if o, ended := r.lastResult(created); ended {
			t.Errorf("the creation ended at once as %s", o.Outcome)
		}
		if got := r.holder(2).Failure; got.Class != "conflict" || mailbox.HolderOf(got.Message) == "" {
			t.Errorf("the waiting creation says %q, %q", got.Class, got.Message)
		}
		r.awaitOutcome(t, r.send(message{kind: events.UserDeleted, id: "e3", user: 1}), events.Done)
		r.awaitOutcome(t, created, events.Done)
		if live := r.vendor.live(email(1)); len(live) != 1 || live[0].data != "e2" {
			t.Errorf("got %d accounts: %+v", len(live), live)
		}
	})
}

// The deletion by id behind a creation that ended in conflict ends at once: nothing was made.
func TestDeletionAfterAConflict(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		r.awaitDead(t, r.send(shared(events.UserCreated, "e2")), "conflict")
		sent := time.Now()
		deleted := r.send(message{kind: events.UserDeleted, id: "e3", user: 2, noEmail: true})
		r.awaitDead(t, deleted, "prerequisite")
		if waited := time.Since(sent); waited >= r.config.PrerequisiteWait {
			t.Errorf("the deletion ended after %s", waited)
		}
		if live := r.vendor.live(email(1)); len(live) != 1 {
			t.Errorf("got %d accounts, want one", len(live))
		}
	})
}

// Of two users who get an account that existed before, one adopts it.
func TestAnAccountForTwo(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		r.vendor.add(vendors.User{Email: email(1)})
		r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.send(shared(events.UserCreated, "e2"))
		r.await(t, "two results", func() bool { return r.results() == 2 })
		if got := r.classes(); got["conflict"] != 1 || len(got) != 1 {
			t.Errorf("got %v, want one conflict", got)
		}
	})
}

// A record of a former version gets an entry in the index at the next change of the account,
// and the happy path writes the index once for each account.
func TestIndexEntries(t *testing.T) {
	scenario(t, history{}, unchanged, func(t *testing.T, r *run) {
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		r.awaitOutcome(t, r.send(message{kind: events.UserUpdated, id: "e2", user: 1}), events.Done)
		r.awaitCommitted(t)
		entry := record.IndexKey("acme", "1")
		r.server.mu.Lock()
		writes := r.server.indexRevs[entry]
		r.server.index, r.server.indexRevs = map[string][]byte{}, map[string]uint64{}
		r.server.mu.Unlock()
		if writes != 1 {
			t.Errorf("the index was written %d times, want once", writes)
		}
		r.change(1, func(one *record.Record) { one.Indexed = false })
		r.awaitOutcome(t, r.send(message{kind: events.EnrollmentRequested, id: "e3", user: 1, course: "go-1"}), events.Done)
		r.awaitCommitted(t)
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		if got := "acme." + string(r.server.index[entry]); got != record.AccountKey("acme", "u1") {
			t.Errorf("the index names %q", got)
		}
	})
}
