package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

// accountsCase is a sequence of events of the users A and B of a pair. Each event is a kind of event,
// a user, and the e-mail, such as "created A x".
type accountsCase struct {
	events   []string
	accounts string // e-mails of the live accounts in the end
	refusals int    // dead letters: the address, or the account, is of the other user
}

var accountsCases = map[string]accountsCase{
	// Two users with one address: the second one gets no account, and deletes none.
	"twins, the second is deleted": {[]string{"created A x", "created B x", "deleted B x"}, "x", 2},
	"twins, deleted by id":         {[]string{"created A x", "created B x", "deleted B"}, "x", 1},
	"twins, the second is updated": {[]string{"created A x", "created B x", "updated B x"}, "x", 2},
	"twins, the second moves on":   {[]string{"created A x", "created B y", "updated B x"}, "x y", 1},
	"twins, the first is deleted":  {[]string{"created A x", "created B x", "deleted A x"}, "", 1},
	// An address that changes hands.
	"moved, then taken":          {[]string{"created A x", "updated A y", "created B x"}, "x y", 0},
	"moved, taken, moved back":   {[]string{"created A x", "updated A y", "created B x", "updated A x"}, "x y", 1},
	"deleted, then taken":        {[]string{"created A x", "deleted A x", "created B x"}, "x", 0},
	"deleted, taken, left alone": {[]string{"created A x", "deleted A x", "created B x", "deleted A x"}, "x", 0},
}

// TestAccountsOfTheField plays the sequences for 50 pairs at once, step by step, at vendors that take
// half a second at times.
func TestAccountsOfTheField(t *testing.T) {
	t.Parallel()
	const pairs = 50
	w := newAccountsOfTheField(t)
	names := slices.Sorted(maps.Keys(accountsCases))
	sent := 0
	for step := range 4 {
		var lines []string
		for i := range pairs {
			if list := accountsCases[names[i%len(names)]].events; step < len(list) {
				lines = append(lines, pairEvent(i, step, list[step]))
			}
		}
		sent += len(lines)
		w.sendUntil(sent, lines)
	}
	refusals := w.refusals()
	for i := range pairs {
		c := accountsCases[names[i%len(names)]]
		if got := w.pairAt("school1", i); got != c.accounts {
			t.Errorf("%s: got the accounts %q, want %q", names[i%len(names)], got, c.accounts)
		}
		if got := refusals[fmt.Sprint("p", i)]; got != c.refusals {
			t.Errorf("%s: got %d refusals, want %d", names[i%len(names)], got, c.refusals)
		}
	}
	w.end()
}

// TestAddressThatChangesHandsAtOnce moves 50 users to another address, or deletes them, and gives the
// former address to other users at once, by a creation or an update, before or behind in the stream. Each
// user has one account in the end, and nobody has to replay anything.
func TestAddressThatChangesHandsAtOnce(t *testing.T) {
	t.Parallel()
	const pairs = 50
	w := newAccountsOfTheField(t)
	hands := []struct {
		before []string // until the address changes hands
		change []string
		want   string
	}{
		{[]string{"created A x"}, []string{"updated A y", "created B x"}, "x y"},
		{[]string{"created A x"}, []string{"created B x", "updated A y"}, "x y"},
		{[]string{"created A x"}, []string{"deleted A x", "created B x"}, "x"},
		{[]string{"created A x"}, []string{"created B x", "deleted A x"}, "x"},
		{[]string{"created A x", "created B z"}, []string{"updated A y", "updated B x"}, "x y"},
		{[]string{"created A x", "created B z"}, []string{"updated B x", "updated A y"}, "x y"},
		{[]string{"created A x", "created B z"}, []string{"updated B x", "deleted A x"}, "x"},
	}
	var first, rest []string
	for i := range pairs {
		c := hands[i%len(hands)]
		for n, text := range c.before {
			first = append(first, pairEvent(i, n, text))
		}
		for n, text := range c.change {
			rest = append(rest, pairEvent(i, len(c.before)+n, text))
		}
	}
	w.sendUntil(len(first), first)
	w.sendUntil(len(first)+len(rest), rest)
	for pair, n := range w.refusals() {
		t.Errorf("pair %s has %d dead letters, want none", pair, n)
	}
	for i := range pairs {
		for _, vendor := range []string{"school1", "school2"} {
			if got, want := w.pairAt(vendor, i), hands[i%len(hands)].want; got != want {
				t.Errorf("got the accounts %q at %s, want %q: %v", got, vendor, want, hands[i%len(hands)].change)
			}
		}
	}
	w.end()
}

// newAccountsOfTheField returns a world that serves slow vendors.
func newAccountsOfTheField(t *testing.T) *world {
	t.Helper()
	w := newSchoolsAt(t, "", 50*time.Millisecond)
	w.environ = append(w.environ, "USHER_SCHOOL1_RATE=0", "USHER_SCHOOL2_RATE=0", "USHER_WORKER_PREREQUISITE_WAIT=3s", "USHER_WORKER_RETRY_MIN=100ms",
		"USHER_DELETIONS_COUNT=10000", "USHER_DELETIONS_SHARE=1")
	w.serve()
	return w
}

// sendUntil sends events, and waits until all events so far have ended.
func (w *world) sendUntil(sofar int, lines []string) {
	w.t.Helper()
	w.feedAll(lines...)
	for _, vendor := range []string{"school1", "school2"} {
		w.until("all events have ended at "+vendor, func() bool { return w.happened("--vendor", vendor) == sofar })
	}
}

// refusals returns the number of dead letters of each pair at school1, by Usher or by the vendor.
func (w *world) refusals() map[string]int {
	w.t.Helper()
	found := map[string]int{}
	for _, class := range []string{"conflict", "permanent"} {
		for _, l := range w.letters("--class", class, "--vendor", "school1") {
			pair, _, _ := strings.Cut(l.EventID, "-")
			found[pair]++
		}
	}
	return found
}

// pairEvent returns an event of a pair.
func pairEvent(pair, n int, text string) string {
	words := strings.Fields(text)
	data := fmt.Sprintf(`{"user_id":"p%d%s"`, pair, words[1])
	if len(words) > 2 {
		data += fmt.Sprintf(`,"email":"%s.%d@example.org"`, words[2], pair)
	}
	kind := map[string]string{"created": events.UserCreated, "updated": events.UserUpdated, "deleted": events.UserDeleted}[words[0]]
	return cloudEvent(kind, fmt.Sprintf("p%d-%d", pair, n), data+"}")
}

// pairAt returns the addresses of the accounts of a pair at a vendor, one word each.
func (w *world) pairAt(vendor string, pair int) string {
	var list []string
	for _, u := range w.stands.State().Vendors[vendor].Live() {
		if name, ours := strings.CutSuffix(u.Email, fmt.Sprintf(".%d@example.org", pair)); ours {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
