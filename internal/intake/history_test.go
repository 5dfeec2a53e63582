package intake_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
)

// history is one random run: the events with their times, and the lifespan of each process.
type history struct {
	seed      uint64
	faults    float64       // of calls of the vendor
	lost      float64       // of answers of NATS
	upserts   bool          // the vendor knows users by our ids
	quick     bool          // calls take a millisecond
	keepsIDs  bool          // the vendor keeps our ids with the accounts, and finds accounts by them
	patient   bool          // effects without an account wait for long
	foreign   int           // accounts from before with the address of user 2
	shared    bool          // all users have one address, and so one account
	policies  []timedPolicy // of the team, one after the other; none: the defaults, without a scope
	outages   []window
	held      []window        // in which the vendor is on hold
	purges    []time.Duration // of the timers
	replays   []time.Duration // of all dead letters
	losses    []time.Duration // of the token, the position and the mark of the last sweep
	published []publication
	lifespans []lifespan // of the processes, one after the other
}

type publication struct {
	event int // index of the event: the same one twice is a producer's duplicate
	user  int
	kind  string
	after time.Duration
	out   bool // an update or a creation takes the user out of scope
}

// lifespan is the operation at which a process dies, and its sleeps before.
type lifespan struct {
	dieAt  int // 0: never
	calls  int // of the vendor, as many as the process makes before operations are counted
	after  bool
	sleeps map[int]time.Duration
}

// typeMixes are the event types that a history may have: all, or those that one rule is
// about, so that they meet often.
var typeMixes = [][]string{
	{
		events.UserCreated, events.UserCreated, events.UserUpdated, events.UserDeleted, events.UserRestored,
		events.EnrollmentRequested, events.EnrollmentCancelled,
	},
	{events.UserRestored, events.UserDeleted, events.UserCreated},
	{events.UserUpdated, events.UserCreated, events.UserDeleted},
	{events.EnrollmentRequested, events.EnrollmentCancelled, events.UserCreated, events.UserDeleted},
}

// histories draws histories of up to two users, with every event type that leaves something
// behind, duplicates anywhere, and processes that die or sleep at any operation.
var histories = rapid.Custom(func(t *rapid.T) history { return drawHistory(t, rapid.IntRange(1, 2).Draw(t, "users")) })

// sharedHistories draws the same of two users with one address, at a vendor that knows users by it.
var sharedHistories = rapid.Custom(func(t *rapid.T) history {
	h := drawHistory(t, 2)
	h.shared, h.upserts = true, false
	return h
})

// crowdedHistories draws histories of one user with more events than one turn ends, at a quick vendor,
// so that turns follow each other without timers, and processes die between them.
var crowdedHistories = rapid.Custom(func(t *rapid.T) history {
	h := drawHistoryOf(t, 1, sizes{leastEvents: 10, mostEvents: 40, operations: 400})
	h.quick, h.faults = true, rapid.SampledFrom([]float64{0, 0, 0.02}).Draw(t, "few faults")
	return h
})

// sizes are limits of a history.
type sizes struct {
	leastEvents, mostEvents int
	operations              int // at which a process dies or sleeps at the latest
}

func drawHistory(t *rapid.T, users int) history {
	return drawHistoryOf(t, users, sizes{leastEvents: 1, mostEvents: 10, operations: 80})
}

func drawHistoryOf(t *rapid.T, users int, limits sizes) history {
	h := history{
		seed:    rapid.Uint64().Draw(t, "seed"),
		faults:  rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "faults"),
		upserts: rapid.IntRange(0, 3).Draw(t, "upserts") == 0,
		outages: windows(t, "outages", 2*callLease),
		held:    windows(t, "held", 5*time.Second),
	}
	for range rapid.IntRange(0, 1).Draw(t, "losses") {
		h.losses = append(h.losses, time.Duration(rapid.IntRange(0, 8000).Draw(t, "loss at"))*time.Millisecond)
	}
	for range rapid.IntRange(0, 2).Draw(t, "purges") {
		h.purges = append(h.purges, time.Duration(rapid.IntRange(0, 8000).Draw(t, "purge at"))*time.Millisecond)
	}
	for range rapid.IntRange(0, 2).Draw(t, "replays") {
		h.replays = append(h.replays, time.Duration(rapid.IntRange(0, 60_000).Draw(t, "replay at"))*time.Millisecond)
	}
	spread := rapid.SampledFrom([]int{0, 300, 4000}).Draw(t, "spread")
	even := rand.New(rand.NewPCG(h.seed, 1)) // rapid draws the first ones of a list more often
	kinds := typeMixes[even.IntN(len(typeMixes))]
	h.lost = []float64{0, 0.05, 0.25}[even.IntN(3)]
	h.patient = even.IntN(2) == 0
	first := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) publication {
		return publication{
			user:  rapid.IntRange(0, users-1).Draw(t, "user"),
			kind:  rapid.SampledFrom(kinds).Draw(t, "kind"),
			after: time.Duration(rapid.IntRange(0, spread).Draw(t, "after")) * time.Millisecond,
		}
	}), limits.leastEvents, limits.mostEvents).Draw(t, "events")
	for i := range first {
		first[i].event = i
	}
	h.published = first
	for range rapid.IntRange(0, 4).Draw(t, "duplicates") {
		again := rapid.SampledFrom(first).Draw(t, "again")
		again.after = time.Duration(rapid.IntRange(0, 2*spread).Draw(t, "later")) * time.Millisecond
		h.published = append(h.published, again)
	}
	h.lifespans = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) lifespan { return drawLifespan(t, limits.operations) }), 2, 6).Draw(t, "lifespans")
	return h
}

func windows(t *rapid.T, name string, length time.Duration) (list []window) {
	for range rapid.IntRange(0, 2).Draw(t, name) {
		from := time.Unix(0, 0).Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, name+" at")) * time.Millisecond)
		list = append(list, window{from, from.Add(length)})
	}
	return list
}

func drawLifespan(t *rapid.T, operations int) lifespan {
	f := lifespan{
		dieAt:  rapid.IntRange(0, operations).Draw(t, "die at"),
		after:  rapid.Bool().Draw(t, "after the effect"),
		calls:  max(0, rapid.IntRange(-6, 12).Draw(t, "after calls")),
		sleeps: map[int]time.Duration{},
	}
	for range rapid.IntRange(0, 4).Draw(t, "sleeps") {
		f.sleeps[rapid.IntRange(1, operations).Draw(t, "sleep at")] = time.Duration(rapid.IntRange(1, 40).Draw(t, "quarters")) * 250 * time.Millisecond
	}
	return f
}

func shift(list []window, start time.Time) (out []window) {
	for _, w := range list {
		out = append(out, window{start.Add(w.from.Sub(time.Unix(0, 0))), start.Add(w.to.Sub(time.Unix(0, 0)))})
	}
	return out
}

var courses = handlers.Courses{"go-1": {"acme": "7"}}

// snapshot is what an event says of its user, and no other event does.
func snapshot(event int) string { return fmt.Sprint("e", event) }

// address returns the e-mail address of a user in the history.
func (h history) address(user int) string {
	if h.shared {
		return email(0)
	}
	return email(user)
}

func email(user int) string { return fmt.Sprintf("u%d@example.org", user) }
