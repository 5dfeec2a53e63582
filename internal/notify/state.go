package notify

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	maxEntries = 200            // causes of one target in the stored state
	settle     = time.Minute    // without the problem, before its end is reported
	reminder   = 24 * time.Hour // between two messages about a problem without a change
	keepUnsent = 24 * time.Hour // of a problem that ended and whose message no receiver took
	keepTarget = 24 * time.Hour // of a target that no process has in its configuration
	claimTime  = 3 * time.Minute
	firstWait  = time.Minute // after the first failed delivery to a target; then doubles
	longWait   = 15 * time.Minute
)

// state is the value of Key. Compare-and-set lets one of all processes look at a time, and one send
// each message.
type state struct {
	Looked  time.Time               `json:"looked"` // the last look of any process
	Targets map[string]*targetState `json:"targets,omitempty"`
}

// targetState is what a target was sent. A target outlives the configuration of a process: during a
// roll-out, processes have different targets.
type targetState struct {
	Seen    time.Time         `json:"seen"` // in the configuration of a process
	Entries map[string]*entry `json:"entries,omitempty"`
	Failing *Failure          `json:"failing,omitempty"` // of the last delivery; nil: delivered
}

// Failure is the failure of a target.
type Failure struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"` // without the URL
	Times int       `json:"times"`
	Next  time.Time `json:"next"` // no message is sent before
}

// entry is a problem as one target knows it.
type entry struct {
	Kind   string    `json:"kind"`
	Vendor string    `json:"vendor,omitempty"`
	Text   string    `json:"text"`
	Count  int       `json:"count,omitempty"`
	Since  time.Time `json:"since"`
	Ended  time.Time `json:"ended,omitzero"`  // zero: not ended
	Times  int       `json:"times,omitempty"` // beginnings that no message has counted
	Sent   time.Time `json:"sent,omitzero"`   // the last delivered message
	Fired  time.Time `json:"fired,omitzero"`  // the last delivered message about a beginning; zero in former versions
	Last   snapshot  `json:"last,omitzero"`   // of the last delivered message
	Busy   time.Time `json:"busy,omitzero"`   // until then a process sends a message
}

// snapshot is the part of a problem that a further message reports.
type snapshot struct {
	Ended bool `json:"ended,omitempty"`
	Count int  `json:"count,omitempty"`
}

// decode returns the state in a stored value. An unreadable value counts as no state: each problem
// is sent once more.
func decode(value []byte) state {
	var s state
	if json.Unmarshal(value, &s) != nil {
		s = state{}
	}
	if s.Targets == nil {
		s.Targets = map[string]*targetState{}
	}
	return s
}

// advance brings the entries of a target to the present problems.
func advance(entries map[string]*entry, problems []Problem, every time.Duration, now time.Time) {
	present := map[string]bool{}
	for _, p := range sorted(problems) {
		key := p.cause()
		present[key] = true
		e := entries[key]
		switch {
		case e == nil && len(entries) >= maxEntries:
			continue
		case e == nil:
			e = &entry{Kind: p.Kind, Vendor: p.Vendor, Since: begin(p, now), Times: 1}
			entries[key] = e
		case !e.Ended.IsZero():
			e.Since, e.Ended, e.Times = begin(p, now), time.Time{}, e.Times+1
		}
		e.Text, e.Count = p.Text, p.Count
	}
	for key, e := range entries {
		if !present[key] && e.Ended.IsZero() {
			e.Ended = now
		}
		if e.forgotten(every, now) {
			delete(entries, key)
		}
	}
}

func begin(p Problem, now time.Time) time.Time {
	if p.Since.IsZero() || p.Since.After(now) {
		return now
	}
	return p.Since
}

// forgotten reports whether an ended problem needs no entry any more. The entry outlives the last
// message by the interval, so that the problem cannot be sent again before.
func (e *entry) forgotten(every time.Duration, now time.Time) bool {
	switch {
	case e.Ended.IsZero():
		return false
	case e.Times == 0 && e.Last.Ended:
		return !now.Before(e.Sent.Add(every))
	default:
		return now.After(e.Ended.Add(max(keepUnsent, every)))
	}
}

// due reports whether a message is due. Messages about beginnings are at least every apart. The end of a
// problem that the target knows is reported once the problem has stayed away for a while: so each message
// about a beginning has at most one about an end.
func (e *entry) due(every time.Duration, now time.Time) bool {
	ended := !e.Ended.IsZero()
	switch {
	case now.Before(e.Busy):
		return false
	case e.Sent.IsZero():
		return true
	case ended && !e.Last.Ended:
		return !now.Before(e.Ended.Add(settle))
	case now.Before(e.next(every)):
		return false
	case ended:
		return e.Times > 0
	}
	changed := e.Times > 0 || e.Last.Ended || e.Kind == Dead && e.Count > e.Last.Count
	return changed || !now.Before(e.Sent.Add(max(reminder, every)))
}

// next returns the time before which no message about a beginning is sent.
func (e *entry) next(every time.Duration) time.Time {
	if e.Fired.IsZero() {
		return e.Sent.Add(every)
	}
	return e.Fired.Add(every)
}

// message returns the message of a problem for a target. The id is the same for the same content, so
// that a receiver recognizes a repeated delivery.
func (e *entry) message(target, cause string, every time.Duration) Message {
	m := Message{
		Kind: e.Kind, Vendor: e.Vendor, Text: e.Text, Count: e.Count, Times: e.Times, Since: e.Since, Ended: e.Ended,
		cause: cause,
	}
	if !e.Ended.IsZero() && !e.Last.Ended && e.next(every).After(e.Ended.Add(settle)) {
		m.Next = e.next(every)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%d\n%d\n%d", target, cause, e.Since.UnixNano(), e.Ended.UnixNano(), e.Times, e.Sent.UnixNano()))
	m.ID = "msg_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
	return m
}

// claim returns the messages that are due for a target, and keeps other processes from sending them.
func claim(target string, entries map[string]*entry, every time.Duration, now time.Time) (list []Message) {
	for _, cause := range slices.Sorted(maps.Keys(entries)) {
		if e := entries[cause]; e.due(every, now) {
			e.Busy = now.Add(claimTime)
			list = append(list, e.message(target, cause, every))
		}
	}
	return list
}

// delivered stores a delivered message in its entry.
func (e *entry) delivered(m Message, now time.Time) {
	if m.Ended.IsZero() || e.Last.Ended {
		e.Fired = now
	} else if e.Fired.IsZero() {
		e.Fired = e.Sent
	}
	e.Sent, e.Last, e.Busy = now, snapshot{!m.Ended.IsZero(), m.Count}, time.Time{}
	e.Times = max(0, e.Times-m.Times)
}

// fail stores a failed delivery: the target rests longer after each.
func (t *targetState) fail(why error, now time.Time) {
	f := t.Failing
	if f == nil {
		f = &Failure{Since: now}
		t.Failing = f
	}
	wait := firstWait
	for range min(f.Times, 10) {
		wait = min(2*wait, longWait)
	}
	f.Times++
	f.Why, f.Next = why.Error(), now.Add(wait)
}

// rests reports whether the target gets no message for a while, after a failure.
func (t *targetState) rests(now time.Time) bool {
	return t.Failing != nil && now.Before(t.Failing.Next)
}
