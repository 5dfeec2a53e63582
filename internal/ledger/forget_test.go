package ledger_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
)

// deleted is the record of a user who was created, enrolled and deleted, with all
// that a record may say of somebody.
func deleted() ledger.Account {
	said := func(e ledger.Effect) ledger.Effect {
		e.Outcome.AccountID, e.Outcome.Message, e.Outcome.TookMS = "acc-7", "no seat for acc-7", 5
		return e
	}
	return ledger.Account{
		UserID: "ada-1", State: ledger.Deleted, Life: at(4), Deleted: at(4), Former: "acc-7",
		Courses: map[string]ledger.Course{"secret-course": {Order: at(3)}},
		Effects: []ledger.Effect{said(done(arrival("a", 1))), said(done(enrollment("b", 3, "secret-course"))), said(done(arrival("d", 4)))},
		Past:    []ledger.Effect{said(done(arrival("old", 1)))},
	}
}

func TestForgetLeavesATombstone(t *testing.T) {
	a := deleted()
	a.Forget(at(9), now)
	if !a.Anonymous() {
		t.Error("it does not count as anonymous")
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"ada-1", "acc-7", "secret-course", "old"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is left in %s", secret, text)
		}
	}
	a.Effects = nil
	want := ledger.Account{State: ledger.Deleted, Life: at(9), Deleted: at(9), Forgotten: now}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestForgetKnowsEveryField fails where a record has learned something new: say
// then in Forget and Anonymous what becomes of it, and here that it was thought of.
func TestForgetKnowsEveryField(t *testing.T) {
	want := map[reflect.Type][]string{
		reflect.TypeFor[ledger.Account](): {
			"UserID", "AccountID", "State", "Life", "Data", "Deleted", "LifeReplay", "DataReplay", "Former", "Courses", "Effects", "Past", "Claim", "Forgotten",
		},
		reflect.TypeFor[ledger.Effect](): {
			"Key", "Type", "Scope", "Course", "Order", "Carrier", "Replay", "Phase", "Attempts", "Panics", "First", "Begun", "Due", "Last", "Unsettled", "Prerequisite", "Outcome",
		},
		reflect.TypeFor[ledger.Outcome](): {"Kind", "AccountID", "Attempts", "TookMS", "At", "Class", "Status", "Message", "By"},
	}
	for kind, names := range want {
		var got []string
		for field := range kind.Fields() {
			got = append(got, field.Name)
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
	}
}

func TestAfterForget(t *testing.T) {
	second := func(m ledger.Arrival) ledger.Arrival { m.Delivery, m.Token = 2, "again"; return m }
	unread := func() ledger.Account { return ledger.Account{UserID: "ada-1", State: ledger.Active, Life: at(1)} }
	cases := map[string]struct {
		record ledger.Account
		m      ledger.Arrival
		want   ledger.Step
		kind   string // of the outcome
	}{
		"a late creation is superseded":           {deleted(), arrival("late", 2), ledger.Publish, "superseded"},
		"so is one behind the deletion":           {deleted(), arrival("late", 8), ledger.Publish, "superseded"},
		"so is a late update":                     {deleted(), update("late", 8), ledger.Publish, "superseded"},
		"and at a vendor that has the account":    {unread(), update("late", 8), ledger.Publish, "superseded"},
		"so is a late enrolment":                  {deleted(), enrollment("late", 8, "go"), ledger.Publish, "superseded"},
		"a deletion again is told again":          {deleted(), second(arrival("d", 4)), ledger.Publish, "done"},
		"a copy of what was done is told again":   {deleted(), arrival("a", 20), ledger.Publish, "done"},
		"a newer creation is a new user":          {deleted(), arrival("new", 9), ledger.Proceed, ""},
		"at a vendor whose account was left, too": {unread(), arrival("late", 8), ledger.Publish, "superseded"},
		"and a newer deletion goes there":         {unread(), arrival("new", 9), ledger.Proceed, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.record.Forget(at(9), now)
			got := c.record.Arrive(c.m)
			kind := ""
			if got.Effect.Outcome != nil {
				kind = got.Effect.Outcome.Kind
			}
			if got.Step != c.want || kind != c.kind {
				t.Errorf("got step %v and %q, want %v and %q", got.Step, kind, c.want, c.kind)
			}
		})
	}
}

// TestForgetTakesTheClaimAway: whoever was at work finds nothing to write to.
func TestForgetTakesTheClaimAway(t *testing.T) {
	var a ledger.Account
	m := arrival("a", 1)
	a.Arrive(m)
	a.Forget(at(9), now)
	_, written := a.Finish("a", m.Token, ledger.Outcome{Kind: "done", At: now}, ledger.Change{State: ledger.Active, AccountID: "acc-7", Applied: true})
	if written != ledger.Nothing || !a.Anonymous() {
		t.Errorf("got %v and %+v, want nothing written", written, a)
	}
}

func TestReaches(t *testing.T) {
	for name, c := range map[string]struct {
		record ledger.Account
		want   bool
	}{
		"nothing":           {ledger.Account{Life: at(8)}, false},
		"a newer life":      {ledger.Account{Life: at(9)}, true},
		"newer data":        {ledger.Account{Life: at(8), Data: at(9)}, true},
		"a newer effect":    {ledger.Account{Effects: []ledger.Effect{waiting(arrival("a", 9))}}, true},
		"a newer enrolment": {ledger.Account{Courses: map[string]ledger.Course{"go": {Order: at(9)}}}, true},
	} {
		if got := c.record.Reaches(at(9)); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestAnActivityNamesNobody(t *testing.T) {
	m := arrival("a", 1)
	m.Scope = events.ScopeActivity
	var a ledger.Account
	a.Arrive(m)
	if a.UserID != "" {
		t.Errorf("got user id %q in the record of an activity", a.UserID)
	}
}

// TestForgottenStaysForgotten: after any history, nothing before the fence reaches
// the vendor any more, and nothing in the record names the user.
func TestForgottenStaysForgotten(t *testing.T) {
	const fence = 100
	message := rapid.Custom(func(t *rapid.T) ledger.Arrival {
		seq := rapid.Uint64Range(1, fence).Draw(t, "seq")
		m := arrival(fmt.Sprint("k", seq), seq)
		if seq%2 == 1 {
			m = enrollment(m.Key, seq, fmt.Sprint("secret-", seq%4))
		}
		m.UserID, m.Delivery = "ada-1", rapid.Uint64Range(1, 3).Draw(t, "delivery")
		m.Token, m.Now = fmt.Sprint(m.Key, "/", m.Delivery), now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hour"))*time.Hour)
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		var a ledger.Account
		for _, m := range rapid.SliceOfN(message, 0, 12).Draw(t, "history") {
			if a.Arrive(m).Step == ledger.Proceed && rapid.Bool().Draw(t, "finishes") {
				a.Finish(m.Key, m.Token, ledger.Outcome{Kind: "done", AccountID: "acc-7", Message: "of acc-7", At: m.Now}, ledger.Change{
					State: rapid.SampledFrom([]ledger.State{ledger.Active, ledger.Deleted}).Draw(t, "state"), AccountID: "acc-7", Enrolled: true, Applied: true,
				})
			}
		}
		a.Forget(at(fence+1), now)
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"ada-1", "acc-7", "secret-"} {
			if strings.Contains(string(text), secret) {
				t.Fatalf("%s is left in %s", secret, text)
			}
		}
		for _, m := range rapid.SliceOfN(message, 1, 5).Draw(t, "late") {
			if step := a.Arrive(m).Step; step != ledger.Publish {
				t.Fatalf("message %d: got step %v, want its result told and nothing else", m.Order.Seq, step)
			}
		}
		if m := arrival("new", fence+1); a.Arrive(m).Step != ledger.Proceed {
			t.Fatal("a newer creation is not taken up")
		}
	})
}
