package recovery

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
)

// The streams that are damaged, and the stream of dead letters (docs/design.md, section 4).
const (
	eventsStream    = "EVENTS"
	deadStream      = "DEADLETTERS"
	timersStream    = "TIMERS"
	leasesStream    = "LEASES"
	ownershipBucket = "OWNERSHIP"
	ownershipStream = "KV_" + ownershipBucket
)

// Damages are the names of all damages to streams.
var Damages = []string{
	"purge TIMERS", "delete TIMERS", "purge LEASES", "delete LEASES",
	"delete the keys of OWNERSHIP", "purge OWNERSHIP", "delete OWNERSHIP", "purge EVENTS",
}

// damages are the damages by name.
var damages = map[string]func(ctx context.Context, t *trial) error{
	"purge TIMERS":                 purge(timersStream),
	"delete TIMERS":                remove(timersStream),
	"purge LEASES":                 purge(leasesStream),
	"delete LEASES":                remove(leasesStream),
	"delete the keys of OWNERSHIP": removeKeys(ownershipBucket),
	"purge OWNERSHIP":              purge(ownershipStream),
	"delete OWNERSHIP":             remove(ownershipStream),
	"purge EVENTS":                 purgeEvents,
}

func purge(stream string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		s, err := t.JS.Stream(ctx, stream)
		if err != nil {
			return err
		}
		return s.Purge(ctx)
	}
}

func remove(stream string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error { return t.JS.DeleteStream(ctx, stream) }
}

func removeKeys(bucket string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		kv, err := t.JS.KeyValue(ctx, bucket)
		if err != nil {
			return err
		}
		keys, err := kv.Keys(ctx)
		if err != nil {
			return err
		}
		for _, key := range keys {
			err = errors.Join(err, kv.Delete(ctx, key))
		}
		return err
	}
}

// purgeEvents purges EVENTS. An event purged before a process has read the event is lost; the
// events of waiting users have been read.
func purgeEvents(ctx context.Context, t *trial) error {
	if err := purge(eventsStream)(ctx, t); err != nil {
		return err
	}
	for i, s := range t.sent {
		t.sent[i].open = strings.HasPrefix(s.user, well) && len(t.results.Of(s.id)) == 0
	}
	return nil
}

// DamageReport is the outcome of a damage.
type DamageReport struct {
	Name, Vendor string
	Kill         bool // of the owner, right after the damage
	Events       int
	Expired      int           // dead letters of events purged before the effects were done
	Unread       int           // events purged before a process had read the events
	Took         time.Duration // from the damage to the last result
	Faults       []string
}

// String returns the report as a line.
func (r *DamageReport) String() string {
	kill := ""
	if r.Kill {
		kill = " and kill the owner"
	}
	return fmt.Sprintf("%s: %s%s under load: %d events, the last result %s after it; %d expired, %d purged unread; %d faults",
		r.Vendor, r.Name, kill, r.Events, r.Took.Round(100*time.Millisecond), r.Expired, r.Unread, len(r.Faults))
}

// Damage damages a stream under load of two processes, and kills the owner right after the
// damage if kill is set. Users whom the vendor answers 500, and enrolments of users without an
// account, then wait for timers.
func Damage(ctx context.Context, c Config, r *DamageReport) (err error) {
	t, err := newTrial(ctx, c, r.Vendor, fmt.Sprintf("USHER_%s_RATE=100", strings.ToUpper(r.Vendor)), "USHER_WORKER_RETRY_MAX=2s")
	defer func() { err = t.end(r.Faults, err) }()
	if err != nil {
		return err
	}
	workers := make([]*environment.Worker, 2)
	for i := range workers {
		if workers[i], err = t.serve(ctx); err != nil {
			return err
		}
	}
	owner, err := t.owner(ctx, workers)
	if err != nil {
		return err
	}
	waiting, err := t.waiting(ctx, owner)
	if err != nil {
		return err
	}
	damaged, err := t.damage(ctx, c, r, owner)
	if err != nil {
		return err
	}
	for _, u := range waiting {
		t.Writer.Create(u)
	}
	if err := errors.Join(t.send(ctx), t.Control(ctx, url.Values{"mode": {"ok"}})); err != nil {
		return err
	}
	stuck, err := t.settle(ctx)
	if err != nil {
		return err
	}
	r.Events, r.Took = len(t.sent), t.last(t.sent).Sub(damaged)
	expired, err := t.expired(ctx)
	if err != nil {
		return err
	}
	for _, s := range t.open() {
		if expired[s.key[:keyPart]] {
			r.Expired++
		} else if s.open {
			r.Unread++
		}
	}
	r.Faults, err = t.judge(ctx, stuck)
	return err
}

// waiting publishes events with timers: creations answered with 500 by the vendor, and
// enrolments of users without an account. waiting returns the users without an account.
func (t *trial) waiting(ctx context.Context, owner *environment.Worker) (without []*scenario.User, err error) {
	const users = 10
	if err := t.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "status": {"500"}}); err != nil {
		return nil, err
	}
	for range users {
		t.Writer.Create(t.user(sick))
		if !scenario.UsesOurIDs(t.vendor) { // else an enrolment needs no account
			u := t.user("late-")
			t.Writer.Enroll(u, "algebra")
			without = append(without, u)
		}
	}
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	return without, t.Until(ctx, 0, "users wait for a retry", func() bool {
		return owner.Metric(ctx, "usher_retries_waiting") >= users
	})
}

// damage damages a stream in the middle of a load, and returns the time of the damage.
func (t *trial) damage(ctx context.Context, c Config, r *DamageReport, owner *environment.Worker) (at time.Time, err error) {
	span := pick(c, 5*time.Second, time.Second)
	if err := t.busy(ctx, span); err != nil {
		return at, err
	}
	if err := damages[r.Name](ctx, t); err != nil {
		return at, err
	}
	at = time.Now()
	if r.Kill {
		owner.Kill()
		t.killed = true
		if _, err := t.serve(ctx); err != nil {
			return at, err
		}
	}
	return at, t.busy(ctx, span)
}

// busy publishes creations, enrolments and activities for a span.
func (t *trial) busy(ctx context.Context, span time.Duration) error {
	for begun := time.Now(); time.Since(begun) < span; {
		u := t.user(well)
		t.Writer.Create(u)
		t.Writer.Enroll(u, "algebra")
		if scenario.UsesOurIDs(t.vendor) {
			t.Writer.Act(u, "lesson_viewed", 12)
		}
		if err := t.send(ctx); err != nil {
			return err
		}
		if !process.Sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}
