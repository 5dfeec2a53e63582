package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ledger"
)

// TestPast sees effects go to the past when no rule asks about them any more, the
// oldest out of it when there are too many, and none that is unfinished.
func TestPast(t *testing.T) {
	var a ledger.Account
	for i := range ledger.MostPast + 10 {
		a.Effects = append(a.Effects, done(arrival(fmt.Sprint("old-", i), uint64(i+1))))
	}
	a.Effects = append(a.Effects, waiting(arrival("lost", 500)))
	m := arrival("new", 1000)
	m.Now = now.Add(m.Keep + time.Hour)
	a.Arrive(m)
	if len(a.Effects) != 1 || a.Effects[0].Key != "new" {
		t.Errorf("got %d effects, want the new one alone", len(a.Effects))
	}
	if got := len(a.Past); got != ledger.MostPast {
		t.Fatalf("got %d in the past, want %d", got, ledger.MostPast)
	}
	if first, last := a.Past[0].Key, a.Past[ledger.MostPast-1].Key; first != "old-10" || last != fmt.Sprint("old-", ledger.MostPast+9) {
		t.Errorf("got from %s to %s, want the newest, oldest first", first, last)
	}
}

// TestMostEffects is a user who is updated each minute, at a vendor that says much.
func TestMostEffects(t *testing.T) {
	var a ledger.Account
	longest := 0
	for i := range 3000 {
		m := arrival(fmt.Sprintf("%032d", i), uint64(i+1))
		m.Type, m.Scope, m.Now = "user.updated", events.ScopeUserData, now.Add(time.Duration(i)*time.Minute)
		a.Arrive(m)
		a.Finish(m.Key, m.Token, ledger.Outcome{Kind: "failed", At: m.Now, Message: strings.Repeat("x", 300)}, ledger.Change{})
		longest = max(longest, len(a.Effects))
	}
	record, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if longest > ledger.MostEffects+1 || len(record) > 1<<19 {
		t.Errorf("got %d effects and %d bytes, want at most %d, and half of what a message may have", longest, len(record), ledger.MostEffects+1)
	}
}

// TestAStragglerThatEndedLongAgo failed, and the lane was behind for longer than
// effects are remembered: the server still names its message.
func TestAStragglerThatEndedLongAgo(t *testing.T) {
	failed := done(arrival("a", 1))
	failed.Outcome.Kind = "failed"
	a := ledger.Account{Effects: []ledger.Effect{failed}}
	m := behind(arrival("b", 5), "a", 1)
	m.Now = now.Add(m.Keep + time.Hour)
	if got := a.Arrive(m).Step; got != ledger.Proceed {
		t.Errorf("got step %v, want %v", got, ledger.Proceed)
	}
}

// TestAgeCountsFromTheFirstAttempt lets an effect wait for an older one, and then be
// held by a person.
func TestAgeCountsFromTheFirstAttempt(t *testing.T) {
	a := ledger.Account{Effects: []ledger.Effect{tried(arrival("a", 1))}}
	m := arrival("b", 2)
	at := func(d time.Duration) ledger.Effect {
		m.Now = now.Add(d)
		return a.Arrive(m).Effect
	}
	if e := at(0); !e.Begun.IsZero() {
		t.Errorf("it waits, and has begun at %v", e.Begun)
	}
	a.Effects[0] = done(arrival("a", 1))
	for _, d := range []time.Duration{time.Hour, 2 * time.Hour} {
		if e := at(d); !e.Begun.Equal(m.Now) || !e.First.Equal(now) {
			t.Errorf("begun at %v and first seen at %v, want %v and %v", e.Begun, e.First, m.Now, now)
		}
		a.Release(m.Token, ledger.Pause{Held: true})
	}
}
