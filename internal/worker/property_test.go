package worker_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
)

// history is one random run: what is published when, and what befalls whom.
type history struct {
	seed      uint64
	faults    float64 // of vendor calls
	lost      float64 // of answers of NATS
	deaf      float64 // of in-progress signals
	pinned    bool
	upserts   bool            // the vendor goes by our ids
	away      []time.Duration // when NATS goes away, each time for twice a call lease
	published []publication
	fates     []fate // of the worker processes, one after the other
}

type publication struct {
	event int // index of the event: the same one twice is a producer's duplicate
	user  int
	kind  string
	after time.Duration
}

// fate is when a process dies, and where it sleeps on the way.
type fate struct {
	dieAt  int
	after  bool
	sleeps map[int]time.Duration
}

// casts are the event types that a history may have: all, or those that meet in
// one rule, so that they do so often.
var casts = [][]string{
	{
		events.UserCreated, events.UserCreated, events.UserUpdated, events.UserDeleted, events.UserRestored,
		events.EnrollmentRequested, events.EnrollmentCancelled,
	},
	{events.UserRestored, events.UserDeleted, events.UserCreated},
	{events.UserUpdated, events.UserCreated, events.UserDeleted},
	{events.EnrollmentRequested, events.EnrollmentCancelled, events.UserCreated, events.UserDeleted},
}

// histories draws histories of up to three users, with every event type that
// leaves something behind, duplicates anywhere, and processes that die or sleep
// at any operation.
var histories = rapid.Custom(func(t *rapid.T) history {
	h := history{
		seed:   rapid.Uint64().Draw(t, "seed"),
		faults: rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "faults"),
		deaf:   rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "deaf"),
		pinned: rapid.Bool().Draw(t, "pinned"),

		upserts: rapid.IntRange(0, 3).Draw(t, "upserts") == 0,
	}
	for range rapid.IntRange(0, 2).Draw(t, "outages") {
		h.away = append(h.away, time.Duration(rapid.IntRange(0, 8000).Draw(t, "away at"))*time.Millisecond)
	}
	spread := rapid.SampledFrom([]int{0, 300, 4000}).Draw(t, "spread")
	users := rapid.IntRange(1, 2).Draw(t, "users")
	even := rand.New(rand.NewPCG(h.seed, 1)) // rapid draws the first ones of a list more often
	kinds := casts[even.IntN(len(casts))]
	h.lost = []float64{0, 0.05, 0.25}[even.IntN(3)]
	first := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) publication {
		return publication{
			user:  rapid.IntRange(0, users-1).Draw(t, "user"),
			kind:  rapid.SampledFrom(kinds).Draw(t, "kind"),
			after: time.Duration(rapid.IntRange(0, spread).Draw(t, "after")) * time.Millisecond,
		}
	}), 1, 10).Draw(t, "events")
	for i := range first {
		first[i].event = i
	}
	h.published = first
	for range rapid.IntRange(0, 4).Draw(t, "duplicates") {
		again := rapid.SampledFrom(first).Draw(t, "again")
		again.after = time.Duration(rapid.IntRange(0, 2*spread).Draw(t, "later")) * time.Millisecond
		h.published = append(h.published, again)
	}
	h.fates = rapid.SliceOfN(rapid.Custom(drawFate), 2, 6).Draw(t, "fates")
	return h
})

func drawFate(t *rapid.T) fate {
	f := fate{
		dieAt:  rapid.IntRange(0, 60).Draw(t, "die at"),
		after:  rapid.Bool().Draw(t, "after the effect"),
		sleeps: map[int]time.Duration{},
	}
	for range rapid.IntRange(0, 4).Draw(t, "sleeps") {
		f.sleeps[rapid.IntRange(1, 60).Draw(t, "sleep at")] = time.Duration(rapid.IntRange(1, 40).Draw(t, "quarters")) * 250 * time.Millisecond
	}
	return f
}

// run is a history being played.
type run struct {
	history
	stream *stream
	more   *stream // of replays; nil where there are none
	bucket *bucket
	told   *told
	vendor *vendor
	luck   *chance
}

// play carries a history out, with two worker processes at a time, until
// nothing is left to do, and returns what is wrong with how it ended.
func play(t *testing.T, h history) (faults []string) {
	synctest.Test(t, func(t *testing.T) {
		luck := &chance{rng: rand.New(rand.NewPCG(h.seed, 0))}
		for i, at := range h.away {
			from := time.Now().Add(at)
			luck.away = append(luck.away, outageOfNATS{from, from.Add(2 * callLease), i == 0})
		}
		r := &run{
			history: h, luck: luck,
			stream: &stream{name: "EVENTS", pinned: h.pinned, luck: luck, deaf: h.deaf},
			bucket: &bucket{records: map[string][]byte{}, revisions: map[string]uint64{}},
			told:   &told{results: map[string]string{}, data: map[string]events.Result{}, graves: map[string]bool{}},
			vendor: &vendor{},
		}
		r.publish()
		ctx, stop := context.WithCancel(t.Context())
		var hosts sync.WaitGroup
		for host := range 2 {
			hosts.Go(func() { r.host(ctx, host) })
		}
		for end := time.Now().Add(2 * time.Hour); r.stream.unacked() > 0 && time.Now().Before(end); {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute) // whatever is still on its way lands
		stop()
		hosts.Wait()
		faults = r.check()
	})
	return faults
}

// publish puts the history into the stream, and keeps it in the stream's order.
func (r *run) publish() {
	r.published = slices.Clone(r.published)
	slices.SortStableFunc(r.published, func(a, b publication) int { return int(a.after - b.after) })
	for _, p := range r.published {
		e := r.event(p)
		header, payload, err := events.ToNATS(e)
		if err != nil {
			panic(err)
		}
		r.stream.publish(time.Now().Add(p.after), e.Type(), header, payload)
	}
}

func (r *run) event(p publication) events.Event {
	data := map[string]any{"user_id": fmt.Sprint("u", p.user), "email": email(p.user), "first_name": snapshot(p.event)}
	if !whole(p.kind) {
		data["course_id"] = "go-1"
	}
	e, err := events.New(p.kind, "/school", fmt.Sprint("e", p.event), time.Unix(1_700_000_000, 0), data)
	if err != nil {
		panic(err)
	}
	return e
}

var courses = handlers.Courses{"go-1": {"acme": "7"}}

// snapshot is what an event says of its user, which no other one says.
func snapshot(event int) string { return fmt.Sprint("e", event) }

func email(user int) string { return fmt.Sprintf("u%d@example.org", user) }

// host runs worker processes one after the other, each with its fate; the last
// one of a host lives.
func (r *run) host(ctx context.Context, host int) {
	for i := host; ; i += 2 {
		p := &process{name: fmt.Sprint("p", i)}
		if i < len(r.fates) {
			p.dieAt, p.after, p.sleeps = r.fates[i].dieAt, r.fates[i].after, r.fates[i].sleeps
		}
		life, cancel := context.WithCancel(ctx)
		p.cancel = cancel
		r.work(life, p)
		cancel()
		if ctx.Err() != nil {
			return
		}
		time.Sleep(200 * time.Millisecond) // it is started again
	}
}

func (r *run) work(ctx context.Context, p *process) {
	c := client{vendor: r.vendor, process: p, luck: r.luck, faults: r.faults}
	var port any = c
	if r.upserts {
		port = upserter{c}
	}
	v := voice{told: r.told, process: p, luck: r.luck, lose: r.lost}
	book := &ledger.Book{Store: store{bucket: r.bucket, process: p, luck: r.luck, lose: r.lost}, Timeout: time.Second}
	w, err := worker.New(handlers.Vendor{Name: "acme", Port: port}, worker.Config{
		Source: "/usher", Concurrency: 4, Prefetch: 16,
		CallTimeout: callTimeout, CallLease: callLease, AckWait: ackWait, Ceiling: time.Minute,
		MaxAge: 30 * time.Minute, PrerequisiteWait: 20 * time.Second, Keep: time.Hour,
		RetryMin: 50 * time.Millisecond, RetryMax: 2 * time.Second, HoldRetry: time.Second, HoldAfter: 20,
	}, worker.Deps{
		Accounts: book, Effects: book, Results: v, Graves: v,
		Validate: func(events.Event) error { return nil },
		Handlers: []handlers.Handler{
			handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored(),
			handlers.EnrollmentRequested(courses, []string{"acme"}), handlers.EnrollmentCancelled(courses, []string{"acme"}),
		},
		Log: zerolog.Nop(),
	})
	if err != nil {
		panic(err)
	}
	lanes := []*stream{r.stream}
	if r.more != nil {
		lanes = append(lanes, r.more)
	}
	var running sync.WaitGroup
	for _, s := range lanes {
		running.Go(func() {
			w.Run(ctx, time.Second, func(context.Context) (worker.Lane, error) {
				return lane{stream: s, process: p, lose: r.lost}, nil
			})
		})
	}
	running.Wait()
}

// check compares the vendor and what was told with what must hold (docs/design.md,
// section 12).
func (r *run) check() (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if n := r.stream.unacked(); n > 0 {
		say("%d messages are not finished", n)
	}
	byKey := map[string]publication{}
	for _, p := range r.published {
		e := r.event(p)
		byKey[events.Key(e.Source(), e.ID())] = p
	}
	if len(r.told.results) != len(byKey) || len(r.told.changed) > 0 {
		say("%d events have %d results, told in two ways: %s", len(byKey), len(r.told.results), r.told.changed)
	}
	for key, p := range byKey {
		id := events.ResultID(key, "acme", 0)
		switch result, ok := r.told.data[id]; {
		case !ok:
			say("event %d (%s) has no result", p.event, p.kind)
		case result.Outcome == events.Failed && !r.told.graves[key]:
			say("event %d failed and is not among the dead letters", p.event)
		}
	}
	for user := range 2 {
		if r.pinned {
			faults = append(faults, r.overtaken(user)...)
			faults = append(faults, r.checkRestorations(user)...)
		}
		faults = append(faults, r.checkUser(user)...)
		faults = append(faults, r.checkContent(user)...)
	}
	return faults
}

// TestMain plays so many histories where -rapid.checks does not say how many,
// and fails where the tests leave a goroutine behind.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", checks); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// TestWhatMustHold plays random histories, and holds each to docs/design.md, rules
// 12.1 to 12.3.
func TestWhatMustHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := histories.Draw(rt, "history")
		if faults := play(t, h); len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}
