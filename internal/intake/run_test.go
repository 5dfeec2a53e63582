package intake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/fairness"
	userhistory "github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// run is a history that is played.
type run struct {
	history

	server    *server
	published *published
	vendor    *vendor
	random    *random
	config    mailbox.Config
	slots     int // turns at a time
	guard     mailbox.Guard
	rules     handlers.Rules   // of the team
	profiles  mailbox.Profiles // for rules; nil: in the server
	// adapter returns the vendor as a process reaches it.
	adapter func(client) vendors.Adapter
	// watch sees the mailboxes of each ownership, if set.
	watch func(*mailbox.Mailboxes)
	// observe sees the attempts, if set.
	observe  func(mailbox.Observation)
	handlers []handlers.Handler
	stop     func()
	admitted atomic.Int64    // shares of the rate that were taken
	pacer    *fairness.Pacer // of the vendor; nil: no rate
	mu       sync.Mutex      // of held, of the rules in config, and of restarts
	restarts [2]func()       // end the present processes
}

func newRun(h history) *run {
	c := &random{rng: rand.New(rand.NewPCG(h.seed, 0))}
	r := &run{
		history: h, random: c, server: newServer(c), vendor: &vendor{}, config: limits, slots: 4,
		published: &published{results: map[string]string{}, data: map[string]events.Result{}, dead: map[string]streams.DeadLetter{}, history: map[string]userhistory.Entry{}},
		handlers: []handlers.Handler{
			handlers.UserCreated(), handlers.UserUpdated(), handlers.UserDeleted(), handlers.UserRestored(),
			handlers.EnrollmentRequested(courses, []string{"acme"}), handlers.EnrollmentCancelled(courses, []string{"acme"}),
		},
	}
	if h.patient {
		r.config.PrerequisiteWait = 10 * time.Minute
	}
	r.vendor.deleting = r.checkDeletion
	r.adapter = func(c client) vendors.Adapter {
		if h.upserts {
			return upserter{c}
		}
		return c
	}
	return r
}

// done reports whether every event has a result and no effect is pending.
func (r *run) done() bool {
	sent, open := r.server.replaysSent(), r.server.pending()+len(r.server.replaysLeft()) // its lock comes before the other
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return open == 0 && len(r.published.results) >= len(r.keys())+sent+r.laters() && len(r.published.history) >= len(r.published.results)
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
	data := map[string]any{"user_id": fmt.Sprint("u", p.user), "email": r.address(p.user), "first_name": snapshot(p.event)}
	if !isWholeAccount(p.kind) {
		data["course_id"] = "go-1"
	}
	if r.policies != nil {
		data["locale"] = localeOf(p.out)
	}
	e, err := events.New(p.kind, "/school", fmt.Sprint("e", p.event), time.Unix(1_700_000_000, 0), data)
	if err != nil {
		panic(err)
	}
	return e
}

// host runs processes one after the other, each with its lifespan; the last one lives.
func (r *run) host(ctx context.Context, host int) {
	for i := host; ; i += 2 {
		p := &process{name: fmt.Sprint("p", i)}
		if i < len(r.lifespans) {
			l := r.lifespans[i]
			p.dieAt, p.after, p.sleeps, p.calls = l.dieAt, l.after, l.sleeps, l.calls
		}
		alive, cancel := context.WithCancel(ctx)
		p.cancel = cancel
		r.mu.Lock()
		r.restarts[host] = cancel
		r.mu.Unlock()
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

func (g gate) Wait(ctx context.Context, c mailbox.Class) error {
	g.admitted.Add(1)
	if g.pacer != nil {
		return g.pacer.Admit(ctx, c)
	}
	return ctx.Err()
}

func (g gate) TryWait() bool {
	if g.pacer != nil && !g.pacer.TryAdmit() {
		return false
	}
	g.admitted.Add(1)
	return true
}

func (g gate) Report(string, error)                                        {}
func (g gate) Attach(ctx context.Context, _ mailbox.Class) context.Context { return ctx }

// settings returns the configuration of the next process.
func (r *run) settings() mailbox.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.config
}

// configure restarts all processes with other rules.
func (r *run) configure(rules handlers.Policy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config.Rules = rules
	for _, restart := range r.restarts {
		if restart != nil {
			restart()
		}
	}
}

func (r *run) work(ctx context.Context, p *process) {
	c := connection{server: r.server, process: p, lose: r.lost}
	v := &mailbox.Vendor{Name: "acme", Rules: r.rules}
	longest := callTimeout
	if r.quick {
		longest = 2 * time.Millisecond
	}
	port := r.adapter(client{vendor: r.vendor, process: p, random: r.random, faults: r.faults, longest: longest})
	v.Port.Store(&port)
	scheduler, config := fairness.NewScheduler(r.slots), r.settings()
	boxes := func(own mailbox.Ownership) (*mailbox.Mailboxes, mailbox.Timers, error) {
		t := timers{c, own.Token()}
		m, err := mailbox.New(v, config, mailbox.Deps{
			Records: c, Index: index{c}, Events: c, Replays: replays{c}, Timers: t,
			Results: publisher{r.published, c}, History: publisher{r.published, c}, DeadLetters: publisher{r.published, c},
			Gate: gate{r}, Ownership: own, Scheduler: scheduler, Decoder: mailbox.NewDecoder(nil, func(events.Event) error { return nil }),
			Handlers: r.handlers, Guard: r.guard, Profiles: r.profilesOf(c), Log: zerolog.Nop(), Observe: r.observe,
		})
		if r.watch != nil {
			r.watch(m)
		}
		return m, t, err
	}
	intake.New(intake.Config{Vendor: "acme", Renew: leaseTTL / 5, Commit: 200 * time.Millisecond, Grace: time.Second, Wakes: wakesInHand, DeleteAfter: config.Rules.DeleteAfter}, intake.Deps{
		Acquire: c.acquire, State: c, Read: c.read, Replays: c.readReplays, Wakes: c.openWakes, Sentinel: c.plant, Unfinished: c.unfinished, Mailboxes: boxes,
		Released: r.released, Approved: r.approved, Held: c.heldDeletions,
		First: func(context.Context) (events.Position, error) {
			return events.Position{Epoch: 1, Seq: c.firstStored()}, nil
		},
		MayWake:      func(c mailbox.Class) bool { return gate{r}.Allows(c) },
		ShowPosition: func(context.Context, events.Position) error { return nil },
		Log:          zerolog.Nop(),
	}).Run(ctx)
}

// profilesOf returns the profiles as a process reaches them.
func (r *run) profilesOf(c connection) mailbox.Profiles {
	if r.profiles != nil {
		return r.profiles
	}
	return profile.NewStore(profiles{index{c}}, profile.Cipher{})
}

// approved returns the single users with an approval; none without a guard.
func (r *run) approved() ([]string, <-chan struct{}) {
	if r.guard == nil {
		return nil, nil
	}
	return r.guard.ApprovedUsers()
}

// released is the end of a hold of deletions; never without a guard.
func (r *run) released() <-chan struct{} {
	if r.guard == nil {
		return nil
	}
	return r.guard.Released()
}

// wakesInHand is the bound on wakes and on replays.
const wakesInHand = 16

var limits = mailbox.Config{
	Source: "/usher", CallTimeout: callTimeout, CallLease: callLease,
	MaxAge: 30 * time.Minute, PrerequisiteWait: 20 * time.Second, FirstLook: 2 * time.Second,
	RetryMin: 50 * time.Millisecond, RetryMax: 2 * time.Second, HoldRetry: time.Second,
	Remember: time.Hour, RecordBytes: 256 << 10, WaitingBytes: 8 << 20,
}
