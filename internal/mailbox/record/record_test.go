package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

var (
	start  = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)
	limits = record.Limits{Bytes: 256 << 10, Remember: 48 * time.Hour}
	owner  = record.Owner{Token: 3, Nonce: "n1", HolderGone: start, CallsAllowed: true, FirstLook: 2 * time.Second}
)

func at(seq uint64) events.Position {
	return events.Position{Epoch: 1_700_000_000_000_000_000, Seq: seq}
}

// arrival is the arrival of event number seq of the stream.
func arrival(seq uint64, eventType string) record.Arrival {
	a := record.Arrival{Key: record.Key(seq * 1_000_003), Position: at(seq), Type: eventType, Scope: events.ScopeLifecycle}
	switch eventType {
	case events.UserUpdated:
		a.Scope = events.ScopeUserData
	case events.EnrollmentRequested, events.EnrollmentCancelled:
		a.Scope, a.Course = events.ScopeCourse, "go-1"
	}
	return a
}

func register(r *record.Record, list ...record.Arrival) record.Refusal {
	_, why := r.Register(list, start, limits)
	return why
}

// call lets Next choose an effect, and fails unless it is the one at seq.
func call(t *testing.T, r *record.Record, seq uint64) record.Attempt {
	t.Helper()
	d := r.Next(start, owner)
	if d.Action != record.Call || d.Effect.Position != at(seq) {
		t.Fatalf("got action %d for %v, want a call for %d", d.Action, d.Effect.Position, seq)
	}
	return record.Attempt{Key: d.Effect.Key, Replay: d.Effect.Replay, Nonce: owner.Nonce, HoldsPosition: true}
}

var (
	created = record.Change{State: record.Active, AccountID: "7", Snapshot: true, Applied: true}
	removed = record.Change{State: record.Deleted, Applied: true}
	done    = record.Outcome{Kind: events.Done, AccountID: "7", At: start}
)

func TestEncodeKeepsEverything(t *testing.T) {
	r := &record.Record{
		UserID: "ada|“x”", AccountID: "7", State: record.Active, Lifecycle: at(5), LifecycleReplay: 1, Data: events.Position{Epoch: 4, Seq: 9}, DataReplay: 2,
		Deleted: at(2), Attempted: at(3), Former: "6", Indexed: true, Undeleted: true, Disabled: true, PerhapsRemoved: true, Registered: at(40), Rejected: at(39), Token: 12, Forgotten: start,
		Courses: map[string]record.Course{"go|1": {Enrolled: true, Position: at(8), Replay: 3}, "x": {Position: events.Position{Epoch: 4, Seq: 1}, Sent: record.Sent{Source: 1<<32 - 1, At: 1_800_000_000_000}}},
		Sent:    []record.SentTimes{{Source: 5, Lifecycle: 1, Data: 2, Deleted: 1_800_000_000_000}},
		Claim:   &record.Claim{Key: 1 << 63, Replay: 2, Token: 12, Nonce: "abc", Taken: true, Removes: true},
		Seen:    record.Seen{{Key: 77, Replay: 1, Type: 3, Minute: 28_000_000}, {Key: 1<<64 - 1, Minute: 28_000_001}},
	}
	e := record.Effect{
		Key: 1<<64 - 1, Replay: 2, Position: at(39), ReplaySeq: 8, Type: events.EnrollmentRequested, Scope: events.ScopeCourse, Course: "a|b|\"c",
		Registered: start, Begun: start.Add(time.Second), Due: start.Add(-time.Minute), Attempts: 40, Strikes: 1,
		Tried: true, Unconfirmed: true, Prerequisite: true, Held: true, Sent: record.Sent{Source: 7, At: 1_800_000_000_123},
	}
	r.Pending = []record.Effect{e, {Key: 1, Position: at(38), Type: events.UserCreated, Scope: events.ScopeLifecycle, Registered: start}}
	r.Finished = []record.Finished{{
		Effect:  e,
		Outcome: record.Outcome{Kind: events.Failed, AccountID: "7", TookMS: 12, At: start, Class: "permanent", Status: 400, Message: "no"},
		Publish: true, By: "abc",
	}}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := record.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-stored +read)\n%s", diff)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	for _, text := range []string{`{`, `{"effects":2,"pending":["x"]}`, `{"effects":2,"pending":["1|1||?|1|||||||||"]}`, `{"effects":2,"registered":"!"}`, `{"effects":2,"types":["t"],"pending":["1|1|7|l|1||||||||"]}`} {
		if _, err := record.Decode([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

// A record stays within its limit whatever is registered, with room for outcomes.
func TestRegisterIsBounded(t *testing.T) {
	r := &record.Record{}
	small := record.Limits{Bytes: 64 << 10, Remember: time.Hour}
	var rest []record.Arrival
	for seq := uint64(1); seq <= 5000; seq++ {
		a := arrival(seq, events.EnrollmentRequested)
		a.Course = fmt.Sprintf("course %d with an umlaut ü", seq)
		left, _ := r.Register([]record.Arrival{a}, start, small)
		rest = append(rest, left...)
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > small.Bytes || len(b) < small.Bytes/2 {
		t.Errorf("the record has %d bytes, of %d", len(b), small.Bytes)
	}
	if len(r.Pending)+len(rest) != 5000 || r.Registered != r.Pending[len(r.Pending)-1].Position {
		t.Errorf("%d pending and %d left of 5000, registered up to %v", len(r.Pending), len(rest), r.Registered)
	}
	if !r.Reject(rest[0], record.Outcome{Kind: events.Failed, At: start}) || r.Registered != rest[0].Position || r.Reject(rest[0], record.Outcome{}) {
		t.Error("an arrival is rejected once")
	}
}

func TestRegister(t *testing.T) {
	deletion, creation := arrival(1, events.UserDeleted), arrival(2, events.UserCreated)
	t.Run("an event is registered once", func(t *testing.T) {
		r := &record.Record{}
		register(r, deletion, creation)
		again := creation
		again.Position = at(9)
		if why := register(r, deletion, again); len(r.Pending) != 2 || why != (record.Refusal{}) || r.Registered != at(9) {
			t.Errorf("got %+v, refused %v", r.Pending, why)
		}
	})
	t.Run("a repeat of a finished event does nothing", func(t *testing.T) {
		r := &record.Record{}
		register(r, deletion)
		a := call(t, r, 1)
		r.Finish(a, done, removed)
		r.RemovePublished(func(*record.Finished) bool { return true }, start, limits)
		repeat := deletion
		repeat.Position = at(9)
		register(r, creation, repeat)
		if len(r.Pending) != 1 || r.Pending[0].Position != at(2) {
			t.Errorf("pending: %+v", r.Pending)
		}
		r.Register([]record.Arrival{{Key: 5, Position: at(10), Type: events.UserDeleted, Scope: events.ScopeLifecycle}}, start.Add(limits.Remember+time.Hour), limits)
		if len(r.Seen) != 0 {
			t.Error("finished events are remembered for longer than limits.Remember")
		}
	})
	t.Run("an id of another type is refused", func(t *testing.T) {
		for name, prepare := range map[string]func(*record.Record){
			"pending":  func(*record.Record) {},
			"finished": func(r *record.Record) { r.Finish(call(t, r, 1), done, removed) },
			"seen": func(r *record.Record) {
				r.Finish(call(t, r, 1), done, removed)
				r.RemovePublished(func(*record.Finished) bool { return true }, start, limits)
			},
		} {
			r := &record.Record{}
			register(r, deletion)
			prepare(r)
			other := arrival(3, events.UserCreated)
			other.Key = deletion.Key
			if why := register(r, other); why.Other == "" || r.Registered == other.Position {
				t.Errorf("%s: refused %v", name, why)
			}
		}
	})
	t.Run("an id of other content is refused", func(t *testing.T) {
		for name, prepare := range map[string]func(*record.Record){
			"pending":  func(*record.Record) {},
			"finished": func(r *record.Record) { r.Finish(call(t, r, 1), done, removed) },
			"seen": func(r *record.Record) {
				r.Finish(call(t, r, 1), done, removed)
				r.RemovePublished(func(*record.Finished) bool { return true }, start, limits)
			},
		} {
			r := &record.Record{}
			first := deletion
			first.Content = 0x1234
			register(r, first)
			prepare(r)
			encoded, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if r, err = record.Decode(encoded); err != nil {
				t.Fatal(err)
			}
			repeat := first
			repeat.Position = at(8)
			if why := register(r, repeat); why != (record.Refusal{}) || r.Registered != at(8) {
				t.Errorf("%s: a repeat: refused %v", name, why)
			}
			other := first
			other.Position, other.Content = at(9), 0x4320
			if why := register(r, other); why.Other == "" || r.Registered == other.Position {
				t.Errorf("%s: other content: refused %v", name, why)
			}
		}
	})
	t.Run("a replay is an effect of its own, at its old position", func(t *testing.T) {
		r := &record.Record{}
		register(r, deletion)
		r.Finish(call(t, r, 1), record.Outcome{Kind: events.Failed}, record.Change{})
		register(r, creation)
		replay := deletion
		replay.Replay, replay.ReplaySeq = 1, 4
		register(r, replay)
		if len(r.Pending) != 2 || r.Pending[0].Replay != 1 || r.Registered != at(2) {
			t.Errorf("pending %+v, registered %v", r.Pending, r.Registered)
		}
	})
}

func TestNextKeepsTheOrder(t *testing.T) {
	type step struct {
		seq  uint64
		kind string
	}
	for name, c := range map[string]struct {
		record  record.Record
		pending []step
		prepare func(r *record.Record)
		want    uint64 // position of the effect to call; 0: none
	}{
		"the first event first":                             {pending: []step{{1, events.UserCreated}, {2, events.UserUpdated}}, want: 1},
		"an enrolment waits for the creation before it":     {pending: []step{{1, events.UserCreated}, {2, events.EnrollmentRequested}}, prepare: func(r *record.Record) { r.Pending[0].Due = start.Add(time.Hour) }},
		"a deletion does not wait for an enrolment":         {record: record.Record{State: record.Active, AccountID: "7"}, pending: []step{{1, events.EnrollmentRequested}, {2, events.UserDeleted}}, prepare: func(r *record.Record) { r.Pending[0].Due = start.Add(time.Hour) }, want: 2},
		"an enrolment without an account blocks nothing":    {pending: []step{{1, events.EnrollmentRequested}, {2, events.UserCreated}}, want: 2},
		"a tried newer effect blocks an older one":          {pending: []step{{1, events.UserUpdated}, {2, events.UserDeleted}}, prepare: func(r *record.Record) { r.Pending[1].Tried, r.Pending[1].Due = true, start.Add(time.Hour) }},
		"a tried effect waits for no older one":             {pending: []step{{1, events.UserCreated}, {2, events.UserDeleted}}, prepare: func(r *record.Record) { r.Pending[0].Due = start.Add(time.Hour); r.Pending[1].Tried = true }, want: 2},
		"another course is not blocked":                     {record: record.Record{State: record.Active, AccountID: "7"}, pending: []step{{1, events.EnrollmentRequested}, {2, events.EnrollmentRequested}}, prepare: func(r *record.Record) { r.Pending[0].Due = start.Add(time.Hour); r.Pending[1].Course = "go-2" }, want: 2},
		"the same course is":                                {record: record.Record{State: record.Active, AccountID: "7"}, pending: []step{{1, events.EnrollmentRequested}, {2, events.EnrollmentCancelled}}, prepare: func(r *record.Record) { r.Pending[0].Due = start.Add(time.Hour) }},
		"an older creation than the deletion is superseded": {record: record.Record{State: record.Deleted, Lifecycle: at(9), Deleted: at(9)}, pending: []step{{1, events.UserCreated}, {2, events.EnrollmentRequested}, {3, events.UserUpdated}, {10, events.UserCreated}}, want: 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.record.Clone()
			for _, s := range c.pending {
				register(r, arrival(s.seq, s.kind))
			}
			if c.prepare != nil {
				c.prepare(r)
			}
			d := r.Next(start, owner)
			got := uint64(0)
			if d.Action == record.Call {
				got = d.Effect.Position.Seq
			}
			if got != c.want {
				t.Errorf("called %d, want %d (%+v)", got, c.want, d)
			}
			if got == 0 && d.Due.IsZero() {
				t.Error("effects are pending, and nothing is due")
			}
		})
	}
}

// An effect without an account asks the vendor after a while only, and an account that
// appears makes it due.
func TestPrerequisites(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.EnrollmentRequested))
	if d := r.Next(start, owner); d.Action != record.Wait || !d.Due.Equal(start.Add(2*time.Second)) {
		t.Fatalf("got %+v, want to wait for two seconds", d)
	}
	register(r, arrival(2, events.UserCreated))
	r.Finish(call(t, r, 2), done, created)
	a := call(t, r, 1)
	if r.Postpone(a, record.Pause{Prerequisite: true, Due: start.Add(time.Hour)}) != record.Mine || r.Pending[0].Tried {
		t.Errorf("pending: %+v", r.Pending)
	}
	if d := r.Next(start, owner); d.Action != record.Wait || !d.Due.Equal(start.Add(time.Hour)) {
		t.Errorf("got %+v, want no second attempt", d)
	}
}

// TestCreationDecidesAboutTheWait has an enrolment that waits for its account, and behind the
// enrolment a creation that is postponed beyond the wait.
func TestCreationDecidesAboutTheWait(t *testing.T) {
	const wait = time.Minute
	later, last := start.Add(time.Hour), start.Add(2*time.Hour)
	for name, test := range map[string]struct {
		end     record.Outcome
		change  record.Change
		overdue int
	}{
		"no account comes": {record.Outcome{Kind: events.Failed, Class: "permanent"}, record.Change{}, 1},
		"an account comes": {done, created, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := &record.Record{}
			register(r, arrival(1, events.EnrollmentRequested))
			r.Next(start, owner)
			r.Pending[0].Begun = start
			register(r, arrival(2, events.UserCreated))
			d := r.Next(later, owner)
			if d.Action != record.Call || d.Effect.Type != events.UserCreated {
				t.Fatalf("got %+v, want the creation, though the enrolment is due", d)
			}
			creation := record.Attempt{Key: d.Effect.Key, Nonce: owner.Nonce}
			r.Postpone(creation, record.Pause{Due: last})
			if d := r.Next(later, owner); d.Action != record.Wait || !d.Due.Equal(last) {
				t.Errorf("got %+v, want a wait for the creation", d)
			}
			if list := r.Overdue(later, wait); len(list) > 0 {
				t.Errorf("got overdue %+v while the creation is pending", list)
			}
			r.Next(last, owner)
			r.Finish(creation, test.end, test.change)
			if list := r.Overdue(last, wait); len(list) != test.overdue {
				t.Errorf("got overdue %+v after the creation, want %d", list, test.overdue)
			}
			if d := r.Next(last, owner); d.Action != record.Call || d.Effect.Type != events.EnrollmentRequested {
				t.Errorf("got %+v, want the enrolment", d)
			}
		})
	}
}

// One look-up answers for all effects that wait for an account.
func TestNoAccountAnswersForAll(t *testing.T) {
	r := &record.Record{}
	for seq := uint64(1); seq <= 3; seq++ {
		a := arrival(seq, events.EnrollmentRequested)
		a.Course = fmt.Sprint("course", seq)
		register(r, a)
	}
	r.Next(start, owner)
	first := start.Add(2 * time.Second)
	d := r.Next(first, owner)
	if d.Action != record.Call {
		t.Fatalf("got %+v", d)
	}
	r.Postpone(record.Attempt{Key: d.Effect.Key, Nonce: owner.Nonce}, record.Pause{Prerequisite: true, Due: first.Add(time.Hour)})
	r.NoAccount(first, time.Hour)
	if d := r.Next(first, owner); d.Action != record.Wait || !d.Due.Equal(first.Add(time.Hour)) {
		t.Errorf("got %+v, want to wait for an hour", d)
	}
}

func TestOwnership(t *testing.T) {
	next := record.Owner{Token: 4, Nonce: "n2", HolderGone: start.Add(5 * time.Second), CallsAllowed: true}
	claimed := func() (*record.Record, record.Attempt) {
		r := &record.Record{}
		register(r, arrival(1, events.UserCreated))
		return r, call(t, r, 1)
	}
	t.Run("a claim of a former owner is waited for", func(t *testing.T) {
		r, _ := claimed()
		d := r.Next(start, next)
		if d.Action != record.AwaitHolder || !d.Due.Equal(next.HolderGone) || !d.Effect.Unconfirmed {
			t.Fatalf("got %+v", d)
		}
		if d := r.Next(start.Add(time.Second), next); d.Action != record.AwaitHolder {
			t.Errorf("called too early: %+v", d)
		}
		if d := r.Next(next.HolderGone, next); d.Action != record.Call || !d.Effect.Unconfirmed {
			t.Errorf("got %+v, want a call that probes first", d)
		}
	})
	t.Run("a former owner steps down", func(t *testing.T) {
		r, _ := claimed()
		r.Next(start, next)
		if d := r.Next(start, owner); d.Action != record.StepDown {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("the outcome of a former owner is kept, and published by the newer one", func(t *testing.T) {
		r, a := claimed()
		r.Next(start, next)
		if got := r.Finish(a, done, created); got != record.ForHolder || r.AccountID != "7" || !r.Finished[0].Publish || r.Claim == nil {
			t.Fatalf("got %d, %+v", got, r)
		}
		if d := r.Next(start, next); d.Action != record.Wait || r.Claim != nil {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("a failure of a former owner is not", func(t *testing.T) {
		r, a := claimed()
		r.Next(start, next)
		if r.Finish(a, record.Outcome{Kind: events.Failed}, record.Change{}) != record.Rejected || r.Postpone(a, record.Pause{}) != record.Rejected {
			t.Error("the former owner changed the record")
		}
	})
	t.Run("an outcome that was stored already counts once", func(t *testing.T) {
		r, a := claimed()
		r.Finish(a, done, created)
		if r.Finish(a, done, created) != record.Mine || len(r.Finished) != 1 {
			t.Errorf("finished: %+v", r.Finished)
		}
	})
	t.Run("an attempt without a stored outcome is unconfirmed", func(t *testing.T) {
		r, _ := claimed()
		again := owner
		again.Nonce = "n3"
		if d := r.Next(start, again); d.Action != record.Call || !d.Effect.Unconfirmed || d.Effect.Attempts != 2 {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("nothing is called while the vendor is on hold", func(t *testing.T) {
		r := &record.Record{}
		register(r, arrival(1, events.UserCreated))
		hold := owner
		hold.CallsAllowed = false
		if d := r.Next(start, hold); d.Action != record.Wait || d.Due.IsZero() || r.Claim != nil {
			t.Errorf("got %+v", d)
		}
	})
}

func TestUnconfirmedLifecycle(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated))
	r.Finish(call(t, r, 1), record.Outcome{Kind: events.Failed, Class: "exhausted"}, record.Change{})
	register(r, arrival(2, events.UserDeleted))
	if !record.HasUnconfirmedLifecycle(r, r.Pending[0].Key) {
		t.Error("a creation that failed may have reached the vendor")
	}
	r.Finish(call(t, r, 2), done, removed)
	if record.HasUnconfirmedLifecycle(r, 0) {
		t.Error("the deletion settled the doubt")
	}
}

func TestForget(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated))
	r.Finish(call(t, r, 1), done, created)
	register(r, arrival(2, events.UserUpdated))
	a := call(t, r, 2)
	r.Forget(at(5), start)
	if !record.Anonymous(r) || r.Finish(a, done, created) != record.Rejected {
		t.Errorf("got %+v", r)
	}
	register(r, arrival(3, events.UserCreated))
	if len(r.Pending) != 0 {
		t.Error("an event before the fence came back")
	}
	register(r, arrival(5, events.UserCreated))
	if d := r.Next(start, owner); d.Action != record.Call {
		t.Errorf("got %+v, want a call for the event at the fence", d)
	}
}

func TestReaches(t *testing.T) {
	for name, change := range map[string]func(*record.Record){
		"registered": func(r *record.Record) { r.Registered = at(5) },
		"applied":    func(r *record.Record) { r.Lifecycle = at(6) },
		"data":       func(r *record.Record) { r.Data = at(5) },
		"a course":   func(r *record.Record) { r.Courses = map[string]record.Course{"x": {Position: at(5)}} },
	} {
		r := &record.Record{Registered: at(4), Lifecycle: at(4)}
		if record.Reaches(r, at(5)) {
			t.Errorf("%s: the record reaches the fence before", name)
		}
		if change(r); !record.Reaches(r, at(5)) {
			t.Errorf("%s: the record does not reach the fence", name)
		}
	}
}

// TestDisabled is about an account that a deletion disables: no other user gets the account.
func TestDisabled(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated), arrival(2, events.UserDeleted))
	r.Finish(call(t, r, 1), done, created)
	r.Finish(call(t, r, 2), done, record.Change{State: record.Deleted, Applied: true, Disabled: true})
	if r.State != record.Deleted || !r.Disabled || r.Former != "7" || record.HoldOf(r, "7") != record.Held || record.HoldOf(r, "") != record.Free {
		t.Errorf("got %+v, held %v", r, record.HoldOf(r, "7"))
	}
	register(r, arrival(3, events.UserCreated))
	if record.HoldOf(r, "7") != record.Changing {
		t.Error("the return of the user does not decide on the account")
	}
	r.Finish(call(t, r, 3), done, created)
	if r.Disabled || r.AccountID != "7" {
		t.Errorf("got %+v, want the account active", r)
	}
	register(r, arrival(4, events.UserDeleted))
	r.Finish(call(t, r, 4), done, removed)
	if r.Disabled || record.HoldOf(r, "7") != record.Free {
		t.Errorf("got %+v, want the account free", r)
	}
}

// TestUndeleted is about a vendor that cannot delete.
func TestUndeleted(t *testing.T) {
	r := &record.Record{}
	register(r, arrival(1, events.UserCreated), arrival(2, events.UserDeleted))
	r.Finish(call(t, r, 1), done, created)
	r.Finish(call(t, r, 2), record.Outcome{Kind: events.Unsupported}, record.Change{State: record.Deleted, Applied: true, Undeleted: true})
	if r.State != record.Deleted || !r.Undeleted || r.Former != "7" {
		t.Errorf("got %+v", r)
	}
	register(r, arrival(3, events.UserRestored))
	r.Finish(call(t, r, 3), done, created)
	if r.Undeleted {
		t.Error("the restored account counts as one that could not be deleted")
	}
}

// A rule of a team may end an effect whose earlier attempt is unconfirmed: the vendor may have an
// account that the record lacks. A later deletion has to look.
func TestUnconfirmedEffectsThatRulesEnd(t *testing.T) {
	for name, c := range map[string]struct {
		kind        string
		unconfirmed bool
		outcome     string
		want        bool
	}{
		"a creation, superseded":              {events.UserCreated, true, events.Superseded, true},
		"a creation, skipped":                 {events.UserCreated, true, events.Skipped, true},
		"a creation, failed":                  {events.UserCreated, false, events.Failed, true},
		"a creation that was never attempted": {events.UserCreated, false, events.Superseded, false},
		"a creation out of scope":             {events.UserCreated, false, events.Skipped, false},
		"an update that entered, superseded":  {events.UserUpdated, true, events.Superseded, true},
		"an update that entered, failed":      {events.UserUpdated, true, events.Failed, true},
		"an update out of scope":              {events.UserUpdated, false, events.Skipped, false},
		"an enrolment, skipped":               {events.EnrollmentRequested, true, events.Skipped, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &record.Record{}
			register(r, arrival(1, c.kind))
			later := start.Add(time.Hour) // beyond the wait for an account
			attempt := func() record.Attempt {
				e := r.Next(later, owner).Effect
				return record.Attempt{Key: e.Key, Nonce: owner.Nonce, HoldsPosition: true}
			}
			a := attempt()
			if c.unconfirmed {
				r.Postpone(a, record.Pause{Unconfirmed: true, Due: start})
				a = attempt()
			}
			if got := r.Finish(a, record.Outcome{Kind: c.outcome}, record.Change{}); got != record.Mine {
				t.Fatalf("got %v", got)
			}
			if got := record.HasUnconfirmedLifecycle(r, 9); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
