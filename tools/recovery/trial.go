// Package recovery shows that nobody is stuck, and nothing is done twice, after processes
// died, streams were purged or deleted and clocks went wrong. Each trial runs processes of
// usher serve, nats-server and the stand-in of a vendor. The judge publishes events, and
// knows the results, the stand-in, and the commands and metrics that an operator has.
package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/tools/process"
)

// Config is what all trials share.
type Config struct {
	Binaries environment.Binaries
	Full     bool // the limits and the sizes of production
}

// pick returns the value of the form.
func pick[T any](c Config, full, short T) T {
	if c.Full {
		return full
	}
	return short
}

// limits returns the settings of usher serve for a vendor.
func (c Config) limits(vendor string) []string {
	return environment.Limits(vendor, pick(c, 1, 10))
}

// trial is an environment with the events and the results of a single trial.
type trial struct {
	*environment.Environment

	dir     string
	vendor  string
	usher   string // the program
	results *environment.Results
	workers int // started so far
	users   int // so far
	sent    []sent
	pupils  []*scenario.User // of a mixed load, without an enrolment
	killed  bool             // a process, with calls in flight
}

// sent is a published event.
type sent struct {
	id, kind string
	key      string // of the event (events.Key)
	user     string
	open     bool // need not end: waits for long, or may have been purged before usher read it
}

const (
	// well is the beginning of the ids of users whom the vendor serves.
	well = "well-"
	// sick is the beginning of the ids of users whom the stand-in can treat apart.
	sick = "sick-"
)

// newTrial starts nats-server and the stand-in. The caller ends the trial, after an error too.
func newTrial(ctx context.Context, c Config, vendor string, settings ...string) (*trial, error) {
	dir, err := os.MkdirTemp("", "usher-recovery-")
	if err != nil {
		return nil, err
	}
	t := &trial{dir: dir, vendor: vendor, usher: c.Binaries.Usher}
	t.Environment, err = environment.Start(ctx, environment.Config{
		Binaries: c.Binaries, Dir: dir, Vendor: vendor, Courses: scenario.Courses(), Settings: slices.Concat(c.limits(vendor), settings),
	})
	return t, err
}

// end ends all processes. The directory stays if the trial could not be played, or has faults.
func (t *trial) end(faults []string, err error) error {
	t.Close()
	switch {
	case err != nil:
		return fmt.Errorf("%w; logs are in %s", err, t.dir)
	case len(faults) > 0:
		return fmt.Errorf("logs are in %s", t.dir)
	}
	return os.RemoveAll(t.dir)
}

// serve starts usher serve. The first process makes the streams.
func (t *trial) serve(ctx context.Context, environ ...string) (*environment.Worker, error) {
	return t.serveBy(ctx, t.usher, environ...)
}

// serveBy starts usher serve of a program.
func (t *trial) serveBy(ctx context.Context, file string, environ ...string) (*environment.Worker, error) {
	t.workers++
	w, err := t.ServeBy(ctx, file, fmt.Sprint("worker-", t.workers), environ...)
	if err == nil && t.results == nil {
		t.results, err = t.Listen(ctx, events.Types()...)
	}
	return w, err
}

// owner returns the process that owns the vendor.
func (t *trial) owner(ctx context.Context, workers []*environment.Worker) (owner *environment.Worker, err error) {
	err = t.Until(ctx, 0, "a process owns the vendor", func() bool {
		for _, w := range workers {
			if !w.Ended() && w.Metric(ctx, "usher_vendor_owner") == 1 {
				owner = w
			}
		}
		return owner != nil
	})
	return owner, err
}

// user returns a new user whose id begins with a prefix.
func (t *trial) user(prefix string) *scenario.User {
	t.users++
	id := fmt.Sprint(prefix, t.users)
	return &scenario.User{ID: id, Email: id + "@example.org", First: "Ada", Last: "Berg"}
}

// send publishes all events that were written since the last time.
func (t *trial) send(ctx context.Context) error {
	for _, e := range t.Writer.Events[len(t.sent):] {
		var data struct {
			UserID string `json:"user_id"`
		}
		if err := json.Unmarshal(e.Data(), &data); err != nil {
			return err
		}
		t.sent = append(t.sent, sent{id: e.ID(), kind: e.Type(), key: events.Key(e.Source(), e.ID()), user: data.UserID})
	}
	return t.Publish(ctx)
}

// load publishes a creation every so often for a span.
func (t *trial) load(ctx context.Context, span, every time.Duration) error {
	for begun := time.Now(); time.Since(begun) < span; {
		t.Writer.Create(t.user(well))
		if err := t.send(ctx); err != nil {
			return err
		}
		if !process.Sleep(ctx, every) {
			return ctx.Err()
		}
	}
	return nil
}

// keyPart is the length of the part of a key that a record keeps. An event that left EVENTS
// before its effect was done ends as a dead letter under that part, without a result.
const keyPart = 16

// expired are the parts of the keys of dead letters of events that left EVENTS.
func (t *trial) expired(ctx context.Context) (map[string]bool, error) {
	s, err := t.JS.Stream(ctx, deadStream)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter("usher.dead."+t.vendor+".>"))
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for subject := range info.State.Subjects {
		if key := subject[strings.LastIndexByte(subject, '.')+1:]; len(key) == keyPart {
			all[key] = true
		}
	}
	return all, nil
}

// open returns the events without a result.
func (t *trial) open() []sent {
	return slices.DeleteFunc(slices.Clone(t.sent), func(s sent) bool { return len(t.results.Of(s.id)) > 0 })
}

// settle waits until every event that must end has ended: with a result, or as a dead letter of
// an event that left EVENTS. It returns the events that have not ended in two minutes.
func (t *trial) settle(ctx context.Context) (stuck []sent, err error) {
	late := t.Until(ctx, 0, "all events have ended", func() bool {
		stuck, err = t.due(ctx)
		return err == nil && len(stuck) == 0
	})
	if late == nil {
		return nil, nil
	}
	return stuck, errors.Join(err, ctx.Err(), t.Alive())
}

// due returns the events that have not ended and must. An event that may have been purged unread
// must end if the vendor carried it out.
func (t *trial) due(ctx context.Context) ([]sent, error) {
	open := t.open()
	if len(open) == 0 {
		return nil, nil
	}
	expired, err := t.expired(ctx)
	if err != nil {
		return open, err
	}
	state, err := t.State(ctx)
	accounts := accountsOf(state)
	return slices.DeleteFunc(open, func(s sent) bool {
		unread := s.open && (s.kind != events.UserCreated || accounts[s.user].accounts == 0)
		return unread || expired[s.key[:keyPart]]
	}), err
}

// last returns the time of the latest first result of some events.
func (t *trial) last(list []sent) (at time.Time) {
	for _, s := range list {
		if found := t.results.Of(s.id); len(found) > 0 && found[0].At.After(at) {
			at = found[0].At
		}
	}
	return at
}

// names returns some events in words.
func names(list []sent) string {
	const most = 5
	var words []string
	for _, s := range list[:min(most, len(list))] {
		words = append(words, s.id+" of "+s.user)
	}
	return fmt.Sprintf("%d events, such as %s", len(list), strings.Join(words, ", "))
}
