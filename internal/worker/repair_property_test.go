package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// repairing is a history in which people remove accounts at the vendor by hand,
// and bring deleted ones back, while repairs are sent: rightly, late, twice, and of
// accounts that lack nothing.
type repairing struct {
	*run
	replays  *stream
	careless bool // repairs are sent without a look at the vendor
	hands    []time.Duration
}

// TestWhatRepairsMustHold plays random histories with repairs: in the end ledger
// and vendor agree, and nobody has two accounts or is enrolled twice.
func TestWhatRepairsMustHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := histories.Draw(rt, "history")
		h.upserts = false // those cannot be listed, and what is made anew there has the same id
		r := &repairing{careless: rapid.Bool().Draw(rt, "careless")}
		for range rapid.IntRange(1, 4).Draw(rt, "removals") {
			r.hands = append(r.hands, time.Duration(rapid.IntRange(0, 20_000).Draw(rt, "removed at"))*time.Millisecond)
		}
		if faults := r.play(t, h); len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}

func (r *repairing) play(t *testing.T, h history) (faults []string) {
	synctest.Test(t, func(t *testing.T) {
		luck := &chance{rng: rand.New(rand.NewPCG(h.seed, 0))}
		r.run = &run{
			history: h, luck: luck,
			stream: &stream{name: "EVENTS", pinned: h.pinned, luck: luck, deaf: h.deaf},
			bucket: newBucket(),
			told:   &told{results: map[string]string{}, data: map[string]events.Result{}, graves: map[string]bool{}},
			vendor: &vendor{},
		}
		r.replays = &stream{name: bus.ReplaysStream, luck: luck, deaf: h.deaf}
		r.more = r.replays
		r.publish()
		r.during(t, func() {
			var hands sync.WaitGroup
			for _, at := range r.hands {
				hands.Go(func() { time.Sleep(at); r.remove() })
			}
			for range 8 {
				time.Sleep(luck.span(4 * time.Second))
				r.reconcile(r.careless)
			}
			hands.Wait()
		})
		for _, deed := range []func(){r.remove, r.remove, r.revive} {
			time.Sleep(3 * time.Hour) // longer than effects are remembered
			r.during(t, func() { deed(); r.reconcile(false) })
		}
		if n := r.reconcile(false); n > 0 {
			faults = append(faults, fmt.Sprintf("%d accounts still differ", n))
		}
		faults = append(faults, r.judge()...)
	})
	return faults
}

// during has two hosts work while something is done, and until nothing is on its way.
func (r *repairing) during(t *testing.T, do func()) {
	ctx, stop := context.WithCancel(t.Context())
	var hosts sync.WaitGroup
	for host := range 2 {
		hosts.Go(func() { r.host(ctx, host) })
	}
	do()
	for end := time.Now().Add(2 * time.Hour); r.stream.unacked()+r.replays.unacked() > 0 && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	time.Sleep(20 * time.Second) // whatever is still on its way lands
	stop()
	hosts.Wait()
}

// remove takes every account away, by hand.
func (r *repairing) remove() {
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	for _, a := range r.vendor.accounts {
		a.deleted = true
	}
}

// revive brings back, by hand, the last account of each deleted user.
func (r *repairing) revive() {
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	for _, a := range r.accounts() {
		for _, there := range slices.Backward(r.vendor.accounts) {
			if a.State == ledger.Deleted && there.email == email(int(a.UserID[1]-'0')) {
				there.deleted = false
				break
			}
		}
	}
}

// accounts reads the ledger.
func (r *repairing) accounts() (all []ledger.Account) {
	r.bucket.mu.Lock()
	defer r.bucket.mu.Unlock()
	for user := range 2 {
		var a ledger.Account
		if raw := r.bucket.records[ledger.AccountKey("acme", fmt.Sprint("u", user))]; raw != nil {
			if err := json.Unmarshal(raw, &a); err != nil {
				panic(err)
			}
			all = append(all, a)
		}
	}
	return all
}

func (r *repairing) there(id string) bool {
	r.vendor.mu.Lock()
	defer r.vendor.mu.Unlock()
	for _, a := range r.vendor.accounts {
		if a.id == id && !a.deleted {
			return true
		}
	}
	return false
}

// reconcile sends the repairs of what differs, and returns how many accounts do.
func (r *repairing) reconcile(careless bool) (differ int) {
	for _, a := range r.accounts() {
		if !careless && !a.Idle() {
			continue
		}
		switch {
		case a.State == ledger.Active && (careless || !r.there(a.AccountID)):
			for _, c := range a.Courses {
				if c.Enrolled {
					r.send(a, a.AccountID, c.Order)
				}
			}
			if a.Life.Before(a.Data) {
				r.send(a, a.AccountID, a.Data)
			}
			r.send(a, a.AccountID, a.Life)
		case a.State == ledger.Deleted && (careless || r.there(a.Former)):
			r.send(a, a.Former, a.Life)
		default:
			continue
		}
		differ++
	}
	return differ
}

// send sends the event at a place to the vendor once more, at once or late.
func (r *repairing) send(a ledger.Account, account string, order ledger.Order) {
	if order.Seq == 0 || account == "" {
		return
	}
	m := r.stream.msgs[order.Seq-1]
	e, err := events.FromNATS(m.header, m.payload)
	if err != nil {
		panic(err)
	}
	key := events.Key(e.Source(), e.ID())
	subject, header := bus.DeadLetter{
		Vendor: "acme", Type: e.Type(), Key: key, Header: m.header, Epoch: order.Epoch, Seq: order.Seq,
		Stored: m.at, Replay: a.NextReplay(key, order) - 1,
	}.AsReplay()
	header["Usher-Repair"] = []string{account}
	r.replays.publish(time.Now().Add(r.luck.span(5*time.Second)), subject, header, m.payload)
}

// judge compares the vendor, the ledger and what was told at the end.
func (r *repairing) judge() (faults []string) {
	if n := r.stream.unacked() + r.replays.unacked(); n > 0 {
		faults = append(faults, fmt.Sprintf("%d messages are not finished", n))
	}
	if len(r.told.changed) > 0 {
		faults = append(faults, fmt.Sprintf("told in two ways: %s", r.told.changed))
	}
	for user := range 2 {
		faults = append(faults, r.checkUser(user)...)
	}
	for _, a := range r.accounts() {
		live := r.vendor.live(email(int(a.UserID[1] - '0')))
		if (a.State == ledger.Active) != (len(live) == 1 && live[0].id == a.AccountID) {
			faults = append(faults, fmt.Sprintf("%s is %q as account %q in the ledger, and has %d at the vendor", a.UserID, a.State, a.AccountID, len(live)))
			continue
		}
		if a.State == ledger.Active {
			faults = append(faults, r.judgeData(a, live[0])...)
		}
		for name, c := range a.Courses {
			if c.Enrolled && len(live) == 1 && len(live[0].courses) != 1 {
				faults = append(faults, fmt.Sprintf("%s is in %s in the ledger, and in %d courses at the vendor", a.UserID, name, len(live[0].courses)))
			}
		}
	}
	return faults
}

// judgeData compares the snapshot that the ledger says was applied last with what
// the account has, or may have by a failure that says so. Careless repairs of accounts
// that hands take away and restorations bring back leave it open which of the old
// accounts it is.
func (r *repairing) judgeData(a ledger.Account, there *account) (faults []string) {
	if a.Data.Seq == 0 || r.careless {
		return nil
	}
	for _, d := range r.told.data {
		maybe := d.Outcome == events.Failed && strings.Contains(d.Error.Message, "may have been made")
		if maybe && d.Event.Type == events.UserUpdated && d.Event.ID == there.data {
			return nil
		}
	}
	m := r.stream.msgs[a.Data.Seq-1]
	if !strings.Contains(string(m.payload), `"first_name":"`+there.data+`"`) {
		faults = append(faults, fmt.Sprintf("%s has the snapshot %s in the ledger, and %s at the vendor", a.UserID, m.payload, there.data))
	}
	return faults
}
