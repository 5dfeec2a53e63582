package intake_test

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
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
)

// history is one random run: the events with their times, and the lifespan of each process.
type history struct {
	seed      uint64
	faults    float64 // of calls of the vendor
	lost      float64 // of answers of NATS
	upserts   bool    // the vendor knows users by our ids
	outages   []window
	held      []window        // in which the vendor is on hold
	purges    []time.Duration // of the timers
	published []publication
	lifespans []lifespan // of the processes, one after the other
}

type publication struct {
	event int // index of the event: the same one twice is a producer's duplicate
	user  int
	kind  string
	after time.Duration
}

// lifespan is the operation at which a process dies, and its sleeps before.
type lifespan struct {
	dieAt  int
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
var histories = rapid.Custom(func(t *rapid.T) history {
	h := history{
		seed:    rapid.Uint64().Draw(t, "seed"),
		faults:  rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "faults"),
		upserts: rapid.IntRange(0, 3).Draw(t, "upserts") == 0,
		outages: windows(t, "outages", 2*callLease),
		held:    windows(t, "held", 5*time.Second),
	}
	for range rapid.IntRange(0, 2).Draw(t, "purges") {
		h.purges = append(h.purges, time.Duration(rapid.IntRange(0, 8000).Draw(t, "purge at"))*time.Millisecond)
	}
	spread := rapid.SampledFrom([]int{0, 300, 4000}).Draw(t, "spread")
	users := rapid.IntRange(1, 2).Draw(t, "users")
	even := rand.New(rand.NewPCG(h.seed, 1)) // rapid draws the first ones of a list more often
	kinds := typeMixes[even.IntN(len(typeMixes))]
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
	h.lifespans = rapid.SliceOfN(rapid.Custom(drawLifespan), 2, 6).Draw(t, "lifespans")
	return h
})

func windows(t *rapid.T, name string, length time.Duration) (list []window) {
	for range rapid.IntRange(0, 2).Draw(t, name) {
		from := time.Unix(0, 0).Add(time.Duration(rapid.IntRange(0, 8000).Draw(t, name+" at")) * time.Millisecond)
		list = append(list, window{from, from.Add(length)})
	}
	return list
}

func drawLifespan(t *rapid.T) lifespan {
	f := lifespan{
		dieAt:  rapid.IntRange(0, 80).Draw(t, "die at"),
		after:  rapid.Bool().Draw(t, "after the effect"),
		sleeps: map[int]time.Duration{},
	}
	for range rapid.IntRange(0, 4).Draw(t, "sleeps") {
		f.sleeps[rapid.IntRange(1, 80).Draw(t, "sleep at")] = time.Duration(rapid.IntRange(1, 40).Draw(t, "quarters")) * 250 * time.Millisecond
	}
	return f
}

// run is a history that is played.
type run struct {
	history

	server    *server
	published *published
	vendor    *vendor
	random    *random
	config    mailbox.Config
	guard     mailbox.Guard
	replays   mailbox.Replays
	// adapter returns the vendor as a process reaches it.
	adapter func(client) any
	// watch sees the mailboxes of each ownership, if set.
	watch    func(*mailbox.Mailboxes)
	handlers []handlers.Handler
	stop     func()
	mu       sync.Mutex // of held
}

func newRun(h history) *run {
	c := &random{rng: rand.New(rand.NewPCG(h.seed, 0))}
	r := &run{
		history: h, random: c, server: newServer(c), vendor: &vendor{}, config: limits, replays: noReplays{},
		published: &published{results: map[string]string{}, data: map[string]events.Result{}, dead: map[string]bus.DeadLetter{}},
		handlers: []handlers.Handler{
			handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored(),
			handlers.EnrollmentRequested(courses, []string{"acme"}), handlers.EnrollmentCancelled(courses, []string{"acme"}),
		},
	}
	r.adapter = func(c client) any {
		if h.upserts {
			return upserter{c}
		}
		return c
	}
	return r
}

// play carries a history out, with two processes at a time, until nothing is left to do, and
// returns everything that is wrong at the end.
func play(t *testing.T, h history) (faults []string) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(h)
		start := time.Now()
		r.server.outages, r.held = shift(h.outages, start), shift(h.held, start)
		for _, at := range h.purges {
			time.AfterFunc(at, r.server.purgeTimers)
		}
		r.publish()
		ctx, stop := context.WithCancel(t.Context())
		var hosts sync.WaitGroup
		for host := range 2 {
			hosts.Go(func() { r.host(ctx, host) })
		}
		for end := time.Now().Add(40 * time.Minute); !r.done() && time.Now().Before(end); {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute) // calls that are still on their way land
		stop()
		hosts.Wait()
		faults = r.check()
	})
	return faults
}

func shift(list []window, start time.Time) (out []window) {
	for _, w := range list {
		out = append(out, window{start.Add(w.from.Sub(time.Unix(0, 0))), start.Add(w.to.Sub(time.Unix(0, 0)))})
	}
	return out
}

// done reports whether every event has a result and no effect is pending.
func (r *run) done() bool {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return len(r.published.results) >= len(r.keys()) && r.server.pending() == 0
}

// keys returns the events by key.
func (r *run) keys() map[string]publication {
	byKey := map[string]publication{}
	for _, p := range r.history.published {
		e := r.event(p)
		byKey[events.Key(e.Source(), e.ID())] = p
	}
	return byKey
}

// publish stores the history in the stream, and keeps it in the order of the stream.
func (r *run) publish() {
	r.history.published = slices.Clone(r.history.published)
	slices.SortStableFunc(r.history.published, func(a, b publication) int { return int(a.after - b.after) })
	for _, p := range r.history.published {
		e := r.event(p)
		header, payload, err := events.ToNATS(e)
		if err != nil {
			panic(err)
		}
		r.server.publish(time.Now().Add(p.after), e.Type(), header, payload)
	}
}

func (r *run) event(p publication) events.Event {
	data := map[string]any{"user_id": fmt.Sprint("u", p.user), "email": email(p.user), "first_name": snapshot(p.event)}
	if !isWholeAccount(p.kind) {
		data["course_id"] = "go-1"
	}
	e, err := events.New(p.kind, "/school", fmt.Sprint("e", p.event), time.Unix(1_700_000_000, 0), data)
	if err != nil {
		panic(err)
	}
	return e
}

var courses = handlers.Courses{"go-1": {"acme": "7"}}

// snapshot is what an event says of its user, and no other event does.
func snapshot(event int) string { return fmt.Sprint("e", event) }

func email(user int) string { return fmt.Sprintf("u%d@example.org", user) }

// host runs processes one after the other, each with its lifespan; the last one lives.
func (r *run) host(ctx context.Context, host int) {
	for i := host; ; i += 2 {
		p := &process{name: fmt.Sprint("p", i)}
		if i < len(r.lifespans) {
			p.dieAt, p.after, p.sleeps = r.lifespans[i].dieAt, r.lifespans[i].after, r.lifespans[i].sleeps
		}
		alive, cancel := context.WithCancel(ctx)
		p.cancel = cancel
		r.work(alive, p)
		cancel()
		if ctx.Err() != nil {
			return
		}
		time.Sleep(200 * time.Millisecond) // the process is started again
	}
}

// gate is open unless the vendor is on hold.
type gate struct{ *run }

func (g gate) Allows(mailbox.Class) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !slices.ContainsFunc(g.held, func(w window) bool { return w.contains(time.Now()) })
}
func (g gate) Wait(ctx context.Context, _ mailbox.Class) error             { return ctx.Err() }
func (g gate) Attach(ctx context.Context, _ mailbox.Class) context.Context { return ctx }
func (g gate) Report(string, error)                                        {}

// noReplays has no replays.
type noReplays struct{}

func (noReplays) Get(context.Context, uint64) (mailbox.Message, error) {
	return mailbox.Message{}, mailbox.ErrGone
}
func (noReplays) Remove(context.Context, uint64) error { return nil }

func (r *run) work(ctx context.Context, p *process) {
	c := connection{server: r.server, process: p, lose: r.lost}
	v := &mailbox.Vendor{Name: "acme"}
	port := r.adapter(client{vendor: r.vendor, process: p, random: r.random, faults: r.faults})
	v.Port.Store(&port)
	boxes := func(own mailbox.Ownership) (*mailbox.Mailboxes, mailbox.Timers, error) {
		t := timers{c, own.Token()}
		m, err := mailbox.New(v, r.config, mailbox.Deps{
			Records: c, Events: c, Replays: r.replays, Timers: t,
			Results: publisher{r.published, c}, DeadLetters: publisher{r.published, c},
			Gate: gate{r}, Ownership: own, Validate: func(events.Event) error { return nil },
			Handlers: r.handlers, Guard: r.guard, Log: zerolog.Nop(),
		})
		if r.watch != nil {
			r.watch(m)
		}
		return m, t, err
	}
	intake.New(intake.Config{Vendor: "acme", Renew: leaseTTL / 5, Commit: 200 * time.Millisecond, Grace: time.Second, Wakes: 16}, intake.Deps{
		Acquire: c.acquire, State: c, Read: c.read, Wakes: c.openWakes, Sentinel: c.plant, Unfinished: c.unfinished, Mailboxes: boxes,
		First: func(context.Context) (events.Position, error) {
			return events.Position{Epoch: 1, Seq: r.server.first}, nil
		},
		MayWake:      func() bool { return gate{r}.Allows(mailbox.Wake) },
		ShowPosition: func(context.Context, events.Position) error { return nil },
		Log:          zerolog.Nop(),
	}).Run(ctx)
}

var limits = mailbox.Config{
	Source: "/usher", Slots: 4, CallTimeout: callTimeout, CallLease: callLease,
	MaxAge: 30 * time.Minute, PrerequisiteWait: 20 * time.Second, FirstLook: 2 * time.Second,
	RetryMin: 50 * time.Millisecond, RetryMax: 2 * time.Second, HoldRetry: time.Second,
	Remember: time.Hour, RecordBytes: 256 << 10,
}

// check compares the vendor and the results with docs/design.md, section 12.
func (r *run) check() (faults []string) {
	say := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if n := r.server.pending(); n > 0 {
		say("%d records have pending effects", n)
		for k, b := range r.server.records {
			say("%s: %s", k, b)
		}
	}
	byKey := r.keys()
	if len(r.published.results) != len(byKey) || len(r.published.changed) > 0 {
		say("%d events have %d results, published in two ways: %s", len(byKey), len(r.published.results), r.published.changed)
	}
	for key, p := range byKey {
		id := events.ResultID(key, "acme", 0)
		_, dead := r.published.dead[key]
		switch result, ok := r.published.data[id]; {
		case !ok:
			say("event %d (%s) has no result", p.event, p.kind)
		case result.Outcome == events.Failed && !dead:
			say("event %d failed and is not among the dead letters", p.event)
		case result.Outcome != events.Failed && dead:
			say("event %d (%s) ended well and is among the dead letters", p.event, p.kind)
		}
	}
	for user := range 2 {
		faults = append(faults, r.overtaken(user)...)
		faults = append(faults, r.checkRestorations(user)...)
		faults = append(faults, r.checkUser(user)...)
		faults = append(faults, r.checkContent(user)...)
	}
	return faults
}

// checks is the number of histories that are played if -rapid.checks does not say.
const checks = "300"

// TestMain sets the number of histories, and fails if a test leaves a goroutine behind.
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

// TestRandomHistories holds random histories to docs/design.md, rules 12.1 to 12.3.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := histories.Draw(rt, "history")
		if faults := play(t, h); len(faults) > 0 {
			rt.Fatalf("%s", strings.Join(faults, "\n"))
		}
	})
}
