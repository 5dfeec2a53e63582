package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/reconcile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// fake implements the vendor, the records and the streams of a comparison.
type fake struct {
	list    []vendors.Listed
	shown   map[string]vendors.Listed // accounts that List omits
	records map[string]recordstore.Entry
	kept    map[uint64]events.Event
	sent    []string // keys
	letters map[string]streams.DeadLetter
	onList  func() // called at the end of List
	onShow  func()
	asked   []vendors.Account
}

func (f *fake) List(_ context.Context, yield func(vendors.Listed) error) error {
	for _, l := range f.list {
		if err := yield(l); err != nil {
			return err
		}
	}
	if f.onList != nil {
		f.onList()
	}
	return nil
}

func (f *fake) Show(_ context.Context, a vendors.Account) (vendors.Listed, error) {
	f.asked = append(f.asked, a)
	if f.onShow != nil {
		f.onShow()
	}
	for _, l := range f.list {
		if l.ID == a.ID {
			return l, nil
		}
	}
	if l, ok := f.shown[a.ID]; ok {
		return l, nil
	}
	return vendors.Listed{}, vendors.ErrNotFound
}

// vendorRecords returns the records of the vendor acme only.
type vendorRecords struct{ *fake }

func (f vendorRecords) List(_ context.Context, prefix string) iter.Seq2[recordstore.Entry, error] {
	return func(yield func(recordstore.Entry, error) bool) {
		if prefix != "acme" {
			return
		}
		for _, e := range f.records {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (f vendorRecords) Load(_ context.Context, key string) (recordstore.Entry, error) {
	return f.records[key], nil
}

func (f *fake) Original(_ context.Context, p events.Position) (streams.Original, error) {
	e, ok := f.kept[p.Seq]
	if !ok {
		return streams.Original{}, streams.ErrGone
	}
	return streams.Original{Event: e, Position: p}, nil
}

// sentReplays are the unfinished replays.
type sentReplays struct{ *fake }

func (f sentReplays) List(context.Context, string) iter.Seq2[streams.Replay, error] {
	return func(yield func(streams.Replay, error) bool) {
		for _, key := range f.sent {
			if !yield(streams.Replay{Header: streams.ReplayHeader{Key: key, Number: 1}, Valid: true}, nil) {
				return
			}
		}
	}
}

func (f *fake) Get(_ context.Context, vendor, _, key string) (streams.DeadLetter, error) {
	d, ok := f.letters[key]
	if !ok {
		return d, streams.ErrNoDeadLetter
	}
	d.Vendor, d.Key = vendor, key
	return d, nil
}

func at(seq uint64) events.Position { return events.Position{Epoch: 1, Seq: seq} }

// set stores a record with a newer revision.
func (f *fake) set(key string, r record.Record) {
	r.UserID = "user-" + key
	f.records[key] = recordstore.Entry{Key: key, Revision: f.records[key].Revision + 1, Record: &r}
}

// event stores an event at seq and returns the key.
func (f *fake) event(t *testing.T, kind string, seq uint64, data map[string]any) string {
	t.Helper()
	e, err := events.New(kind, "/school", fmt.Sprint("e", seq), time.Now(), data)
	if err != nil {
		t.Fatal(err)
	}
	f.kept[seq] = e
	return events.Key("/school", fmt.Sprint("e", seq))
}

var (
	active = record.Record{AccountID: "7", State: record.Active, Lifecycle: at(1)}
	gone   = record.Record{Former: "7", State: record.Deleted, Lifecycle: at(2), Deleted: at(2)}
	// disabled is an account that the last deletion has disabled.
	disabled = record.Record{Former: "7", State: record.Deleted, Disabled: true, Lifecycle: at(2), Deleted: at(2)}
	failed   = record.Record{Attempted: at(1)} // the user.created has failed
	ada      = vendors.Listed{ID: "7", Email: "ada@example.org"}
)

// TestCompare has a case for each rule of the package's comment, with one record
// "a" and the events at 1 (user.created) and 2 (user.deleted).
func TestCompare(t *testing.T) {
	unfinished := func(r record.Record, replay int) record.Record {
		r.Pending = []record.Effect{{Key: 1, Replay: replay}}
		return r
	}
	type differences = []reconcile.Difference
	cases := map[string]struct {
		record record.Record
		list   []vendors.Listed
		change func(f *fake)
		want   reconcile.Report
	}{
		"in both":                   {record: active, list: []vendors.Listed{ada}, want: reconcile.Report{Agree: 1}},
		"deleted":                   {record: gone, want: reconcile.Report{Agree: 1}},
		"deleted, and in the trash": {record: gone, list: []vendors.Listed{{ID: "7", Deleted: true}}, want: reconcile.Report{Agree: 1}},
		"missing": {record: active, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Repair: reconcile.Provision},
		}}},
		"missing, and in the trash": {record: active, change: func(f *fake) { f.shown["7"] = vendors.Listed{ID: "7", Deleted: true} }, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Repair: reconcile.Provision},
		}}},
		"missing in the list only":            {record: active, change: func(f *fake) { f.shown["7"] = ada }, want: reconcile.Report{Agree: 1}},
		"missing, changed during the list":    {record: active, change: func(f *fake) { f.onList = func() { f.set("a", active) } }, want: reconcile.Report{Changed: 1}},
		"missing, changed during the look-up": {record: active, change: func(f *fake) { f.onShow = func() { f.set("a", gone) } }, want: reconcile.Report{Changed: 1}},
		"missing, with a pending effect":      {record: unfinished(active, 0), want: reconcile.Report{Changed: 1}},
		"missing, repair in progress":         {record: unfinished(active, 1), want: reconcile.Report{OnTheWay: 1}},
		"missing, repair sent":                {record: active, change: func(f *fake) { f.sent = []string{events.Key("/school", "e1")} }, want: reconcile.Report{OnTheWay: 1}},
		"missing, event no longer stored": {record: active, change: func(f *fake) { delete(f.kept, 1) }, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Note: "the event is no longer stored: send user.created again"},
		}}},
		"missing, found by an enrolment": {record: record.Record{AccountID: "7", State: record.Active}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Note: "the account was found at the vendor without a stored creation: send user.created"},
		}}},
		"missing, last deleted": {record: record.Record{AccountID: "7", State: record.Active, Lifecycle: at(2)}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Note: "the last event is a user.deleted: send user.created"},
		}}},
		"missing, last restored": {record: record.Record{AccountID: "7", State: record.Active, Lifecycle: at(6), Deleted: at(2)}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Repair: reconcile.Provision},
		}}},
		"missing, event expired": {record: active, change: func(f *fake) { f.kept[1] = expired(f.kept[1]) }, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Note: "the event has expired: send user.created again"},
		}}},
		"missing, repair failed": {record: active, change: func(f *fake) { f.letters[events.Key("/school", "e1")] = streams.DeadLetter{} }, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Missing, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Note: "an earlier repair failed: usher dead show acme." + events.Key("/school", "e1")},
		}}},
		"remains": {record: gone, list: []vendors.Listed{ada}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Remains, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Repair: reconcile.Delete},
		}}},
		"disabled, and listed":     {record: disabled, list: []vendors.Listed{ada}, want: reconcile.Report{Agree: 1}},
		"disabled, and not listed": {record: disabled, want: reconcile.Report{Agree: 1}},
		"remains, as staff": {record: gone, list: []vendors.Listed{{ID: "7", Email: "ada@example.org", Staff: true}}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Remains, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Note: "the account belongs to staff by now; accounts of staff are never deleted"},
		}}},
		"remains, but for another user": {record: gone, list: []vendors.Listed{ada}, change: func(f *fake) { f.set("b", active) }, want: reconcile.Report{Agree: 2}},
		"of two users": {record: active, list: []vendors.Listed{ada}, change: func(f *fake) { f.set("b", active); f.set("c", gone) }, want: reconcile.Report{Agree: 1, Differences: differences{
			{Kind: reconcile.Conflict, AccountID: "7", UserID: "user-a", Note: `the records of these users name the same account: ["user-b"]; correct the account by hand`},
		}}},
		"of two users, and missing": {record: active, change: func(f *fake) { f.set("b", active) }, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Conflict, AccountID: "7", UserID: "user-a", Note: `the records of these users name the same account: ["user-b"]; correct the account by hand`},
		}}},
		"of two users, changed during the list": {
			record: active, change: func(f *fake) { f.set("b", active); f.onList = func() { f.set("b", gone) } }, want: reconcile.Report{Changed: 1},
		},
		"unknown": {list: []vendors.Listed{ada}, want: reconcile.Report{Differences: differences{
			{Kind: reconcile.Unknown, AccountID: "7", Email: "ada@example.org"},
		}}},
		"unknown, of staff":                {list: []vendors.Listed{{ID: "7", Email: "ada@example.org", Staff: true}}, want: reconcile.Report{Staff: 1}},
		"unknown, created during the list": {list: []vendors.Listed{ada}, change: func(f *fake) { f.onList = func() { f.set("b", active) } }, want: reconcile.Report{Changed: 1}},
		"unknown, creation in progress": {
			record: record.Record{Pending: []record.Effect{{Key: 1, Type: events.UserCreated, Scope: events.ScopeLifecycle, Position: at(1), Tried: true}}},
			list:   []vendors.Listed{{ID: "7", Email: "Ada@example.org"}}, want: reconcile.Report{OnTheWay: 1},
		},
		"unknown, creation failed": {
			record: failed, list: []vendors.Listed{ada},
			change: func(f *fake) { f.letters[events.Key("/school", "e1")] = streams.DeadLetter{} },
			want:   reconcile.Report{Differences: differences{{Kind: reconcile.Unknown, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Repair: reconcile.Adopt}}},
		},
		"unknown, dead letter dropped": {
			record: failed, list: []vendors.Listed{ada},
			want: reconcile.Report{Differences: differences{{
				Kind: reconcile.Unknown, AccountID: "7", UserID: "user-a", Email: "ada@example.org", Note: "the user.created failed, and the dead letter was dropped: send user.created again",
			}}},
		},
		"unknown, with the e-mail of a superseded creation": {
			record: record.Record{Attempted: at(1), Lifecycle: at(2)}, list: []vendors.Listed{ada},
			want: reconcile.Report{Differences: differences{{Kind: reconcile.Unknown, AccountID: "7", Email: "ada@example.org"}}},
		},
		"unknown, with the e-mail of a creation before a failed restoration": {
			record: record.Record{Attempted: at(6)}, list: []vendors.Listed{ada},
			want: reconcile.Report{Differences: differences{{Kind: reconcile.Unknown, AccountID: "7", Email: "ada@example.org"}}},
		},
		"unknown, with the e-mail of two": {
			record: failed, list: []vendors.Listed{ada},
			change: func(f *fake) { f.set("b", failed) },
			want:   reconcile.Report{Differences: differences{{Kind: reconcile.Unknown, AccountID: "7", Email: "ada@example.org", Note: "the creations of several users have the e-mail of the account"}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.record)
			f.list = c.list
			if c.change != nil {
				c.change(f)
			}
			got, err := reconcile.Compare(t.Context(), f.deps())
			if err != nil {
				t.Fatal(err)
			}
			c.want.Vendor = "acme"
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(reconcile.Difference{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func newFake(t *testing.T, r record.Record) *fake {
	t.Helper()
	f := &fake{shown: map[string]vendors.Listed{}, records: map[string]recordstore.Entry{}, kept: map[uint64]events.Event{}, letters: map[string]streams.DeadLetter{}}
	f.event(t, events.UserCreated, 1, map[string]any{"user_id": "user-a", "email": "ada@example.org"})
	f.event(t, events.UserDeleted, 2, map[string]any{"user_id": "user-a"})
	f.event(t, events.EnrollmentRequested, 3, map[string]any{"user_id": "user-a", "course_id": "go"})
	f.event(t, events.UserRestored, 6, map[string]any{"user_id": "user-a", "email": "ada@example.org"})
	f.event(t, events.UserUpdated, 7, map[string]any{"user_id": "user-a", "email": "ada@example.org"})
	f.set("a", r)
	return f
}

func (f *fake) deps() reconcile.Deps {
	return reconcile.Deps{Name: "acme", Vendor: f, Records: vendorRecords{f}, Events: f, Replays: sentReplays{f}, DeadLetters: f, MaxReplays: 5}
}

func expired(e events.Event) events.Event {
	e.SetExtension("expirytime", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	return e
}

// TestPlanFor plans for a missing account with an update and two courses. The event of one
// course is no longer stored, and the creation was replayed twice.
func TestPlanFor(t *testing.T) {
	damaged := active
	damaged.LifecycleReplay = 2
	damaged.Data = at(7)
	damaged.DataReplay = 1
	damaged.Courses = map[string]record.Course{"go": {Enrolled: true, Position: at(3)}, "c": {Enrolled: true, Position: at(4)}, "left": {Position: at(5)}}
	f := newFake(t, damaged)
	r, err := reconcile.Compare(t.Context(), f.deps())
	if err != nil || len(r.Differences) != 1 {
		t.Fatalf("got %+v, %v", r, err)
	}
	p, err := reconcile.PlanFor(t.Context(), f.deps(), r.Differences[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range p.Repairs {
		got = append(got, fmt.Sprint(one.Event.ID(), " ", one.Vendor, " ", one.Account, " ", one.Replay))
	}
	if diff := cmp.Diff([]string{"e3 acme 7 1", "e7 acme 7 2", "e1 acme 7 3"}, got); diff != "" || p.Lost != 1 {
		t.Errorf("got %d lost, want 1 (-want +got)\n%s", p.Lost, diff)
	}
	if len(f.asked) != 1 || f.asked[0].Email != "ada@example.org" {
		t.Errorf("asked for %+v, want the e-mail of the event too", f.asked)
	}
	f.set("a", damaged)
	if _, err := reconcile.PlanFor(t.Context(), f.deps(), r.Differences[0]); !errors.Is(err, reconcile.ErrChanged) {
		t.Errorf("got %v for a changed record, want ErrChanged", err)
	}
}
