package notify

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// start is the time at which the tests of states begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func held(vendor string) Problem {
	return Problem{Kind: Hold, Key: vendor, Vendor: vendor, Text: vendor + " is on hold"}
}

func letters(n int) Problem {
	return Problem{Kind: Dead, Key: "invalid:course:go-101", Text: "dead letters wait", Count: n}
}

// TestMessagesOfTarget follows one problem through looks, and counts the messages.
func TestMessagesOfTarget(t *testing.T) {
	t.Parallel()
	const every = time.Hour
	on, none := []Problem{held("lead")}, []Problem(nil)
	type look struct {
		after    time.Duration // since the last look
		problems []Problem
		want     string // of the summary and state; empty: no message
	}
	for name, looks := range map[string][]look{
		"a short hold": {
			{0, on, "firing lead is on hold"},
			{5 * time.Minute, none, ""},
			{time.Minute, none, "resolved Resolved: lead is on hold (a further beginning is reported from 13:00 UTC on)"},
			{time.Hour, none, ""},
		},
		"a long hold": {
			{0, on, "firing lead is on hold"},
			{time.Hour, on, ""},
			{22 * time.Hour, on, ""},
			{time.Hour, on, "firing lead is on hold"},
			{90 * time.Minute, none, ""},
			{time.Minute, none, "resolved Resolved: lead is on hold"},
		},
		"a hold that comes and goes": {
			{0, on, "firing lead is on hold"},
			{time.Minute, none, ""},
			{time.Minute, on, ""},
			{time.Minute, none, ""},
			{time.Minute, on, ""},
			{time.Minute, none, ""},
			{time.Minute, on, ""},
			{54 * time.Minute, on, "firing lead is on hold (began 3 times since the last message)"},
			{time.Hour, on, ""},
		},
		"a hold that comes again after its end": {
			{0, on, "firing lead is on hold"},
			{time.Minute, none, ""},
			{2 * time.Minute, none, "resolved Resolved: lead is on hold (a further beginning is reported from 13:00 UTC on)"},
			{time.Minute, on, ""},
			{55 * time.Minute, on, ""},
			{time.Minute, on, "firing lead is on hold"},
			{time.Minute, none, ""},
			{time.Minute, none, "resolved Resolved: lead is on hold (a further beginning is reported from 14:00 UTC on)"},
		},
		"a hold that comes again and ends before its message": {
			{0, on, "firing lead is on hold"},
			{time.Minute, none, ""},
			{2 * time.Minute, none, "resolved Resolved: lead is on hold (a further beginning is reported from 13:00 UTC on)"},
			{time.Minute, on, ""},
			{time.Minute, none, ""},
			{55 * time.Minute, none, "resolved Resolved: lead is on hold"},
			{time.Minute, on, ""},
			{59 * time.Minute, on, "firing lead is on hold"},
		},
		"more dead letters": {
			{0, []Problem{letters(1)}, "firing dead letters wait"},
			{time.Minute, []Problem{letters(5)}, ""},
			{time.Hour, []Problem{letters(9)}, "firing dead letters wait"},
			{time.Hour, []Problem{letters(8)}, ""},
			{time.Minute, none, ""},
			{time.Minute, none, "resolved Resolved: dead letters wait"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, now := map[string]*entry{}, start
			for i, l := range looks {
				now = now.Add(l.after)
				advance(entries, l.problems, every, now)
				var got string
				for _, m := range claim("on-call", entries, every, now) {
					got += m.state() + " " + m.summary()
					entries[m.cause].delivered(m, now)
				}
				if got != l.want {
					t.Fatalf("look %d, after %s: got %q, want %q", i, now.Sub(start), got, l.want)
				}
			}
		})
	}
}

// TestMessagesAreBounded lets a hold come and go in every rhythm for a day, and counts the messages: at most
// one an hour about a beginning, with at most one about an end.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	const every, look = time.Hour, 15 * time.Second
	for _, rhythm := range []time.Duration{look, time.Minute, 2 * time.Minute, 7 * time.Minute, 45 * time.Minute, 3 * time.Hour} {
		entries, now, fired, ended := map[string]*entry{}, start, 0, 0
		for ; now.Before(start.AddDate(0, 0, 1)); now = now.Add(look) {
			var problems []Problem
			if now.Sub(start)/rhythm%2 == 0 {
				problems = []Problem{held("lead")}
			}
			advance(entries, problems, every, now)
			for _, m := range claim("on-call", entries, every, now) {
				if m.state() == firing || entries[m.cause].Last.Ended {
					fired++
				} else {
					ended++
				}
				entries[m.cause].delivered(m, now)
			}
		}
		if fired > 24 || ended > fired || fired == 0 {
			t.Errorf("every %s: got %d messages about beginnings and %d about ends", rhythm, fired, ended)
		}
	}
}

// TestClaimKeepsOthersAway claims a message, and again before and after the time of the claim, as after
// the death of the sender.
func TestClaimKeepsOthersAway(t *testing.T) {
	t.Parallel()
	entries := map[string]*entry{}
	advance(entries, []Problem{held("lead")}, time.Hour, start)
	first := claim("on-call", entries, time.Hour, start)
	if len(first) != 1 || len(claim("on-call", entries, time.Hour, start.Add(claimTime-time.Second))) != 0 {
		t.Fatalf("got %v, and a message during the claim", first)
	}
	again := claim("on-call", entries, time.Hour, start.Add(claimTime))
	if len(again) != 1 || again[0].ID != first[0].ID {
		t.Errorf("got %v, want the same id as %v: the receiver may have the message", again, first)
	}
	entries["hold.lead"].delivered(again[0], start)
	advance(entries, nil, time.Hour, start.Add(time.Minute))
	if ended := claim("on-call", entries, time.Hour, start.Add(time.Minute+settle)); len(ended) != 1 || ended[0].ID == first[0].ID {
		t.Errorf("got %v, want a message with another id", ended)
	}
}

// TestStateIsBounded gives a target more problems than the state may hold, day after day.
func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	entries := map[string]*entry{}
	now := start
	for day := range 3 {
		var many []Problem
		for i := range 2 * maxEntries {
			many = append(many, held(fmt.Sprintf("vendor-%d-%d", day, i)))
		}
		advance(entries, many, time.Hour, now)
		if len(entries) != maxEntries {
			t.Errorf("day %d: got %d entries, want %d", day, len(entries), maxEntries)
		}
		advance(entries, nil, time.Hour, now.Add(time.Second))
		now = now.Add(keepUnsent + time.Minute)
		advance(entries, nil, time.Hour, now)
		if len(entries) != 0 {
			t.Errorf("day %d: %d entries of ended problems are left, which no receiver took", day, len(entries))
		}
	}
}

// TestFailingTargetRests fails again and again.
func TestFailingTargetRests(t *testing.T) {
	t.Parallel()
	target := &targetState{}
	var waits []time.Duration
	for range 7 {
		target.fail(fmt.Errorf("status 500"), start)
		waits = append(waits, target.Failing.Next.Sub(start))
	}
	if want := []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, longWait, longWait, longWait}; !slices.Equal(waits, want) {
		t.Errorf("got %v, want %v", waits, want)
	}
}
