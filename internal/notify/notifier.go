package notify

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

// Key is the key of the state in the bucket CONTROL.
const Key = "notify"

const (
	defaultLook = 15 * time.Second
	storeTries  = 20
)

// Records is a bucket; see streams.Records.
type Records interface {
	Load(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Store(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// Config is the part of the configuration for notifications.
type Config struct {
	Every   time.Duration // between two messages about one problem to one target
	Links   Links
	Targets []Target
}

// Notifier sends the problems of one Usher. Every process has a Notifier with the same Records.
type Notifier struct {
	Records  func(ctx context.Context) (Records, error)
	Problems func(ctx context.Context) ([]Problem, error)
	Config   func() Config // of the moment
	Log      zerolog.Logger
	Sent     func(target string, ok bool) // called after each delivery; nil: not called
	Look     time.Duration                // between two looks of all processes; default 15 s
}

// Run looks for problems and sends messages until ctx ends.
func (n *Notifier) Run(ctx context.Context) {
	for pause.For(ctx, n.look()/2); ctx.Err() == nil; pause.For(ctx, n.look()/2) {
		if err := n.round(ctx, time.Now().UTC()); err != nil && ctx.Err() == nil {
			n.Log.Debug().Err(err).Msg("no look for problems to report: trying again")
		}
	}
}

func (n *Notifier) look() time.Duration {
	if n.Look > 0 {
		return n.Look
	}
	return defaultLook
}

// round looks once, unless another process has looked just now, and sends the messages that are due.
func (n *Notifier) round(ctx context.Context, now time.Time) error {
	c := n.Config()
	if len(c.Targets) == 0 {
		return nil
	}
	records, err := n.Records(ctx)
	if err != nil {
		return err
	}
	value, revision, err := records.Load(ctx, Key)
	if err != nil {
		return err
	}
	s := decode(value)
	if since := now.Sub(s.Looked); since > -n.look() && since < n.look() {
		return nil
	}
	problems, err := n.Problems(ctx)
	if err != nil {
		return err
	}
	s.Looked = now
	due := s.claim(c, problems, now)
	if value, err = json.Marshal(s); err != nil {
		return err
	}
	switch _, err = records.Store(ctx, Key, value, revision); {
	case errors.Is(err, streams.ErrStaleRevision):
		return nil // another process looks
	case err != nil:
		return err
	}
	return n.deliver(ctx, c, due, now)
}

// claim brings all targets to the present problems, and returns the messages that are due, by target.
func (s *state) claim(c Config, problems []Problem, now time.Time) map[string][]Message {
	due := map[string][]Message{}
	for _, t := range c.Targets {
		at := s.Targets[t.Name]
		if at == nil {
			at = &targetState{Entries: map[string]*entry{}}
			s.Targets[t.Name] = at
		}
		if at.Entries == nil {
			at.Entries = map[string]*entry{}
		}
		at.Seen = now
		wanted := slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return !t.wants(p.Kind) })
		advance(at.Entries, wanted, c.Every, now)
		if at.rests(now) {
			continue
		}
		due[t.Name] = claim(t.Name, at.Entries, c.Every, now)
	}
	maps.DeleteFunc(s.Targets, func(_ string, t *targetState) bool { return now.Sub(t.Seen) > max(keepTarget, c.Every) })
	return due
}

// deliver sends messages to all targets, and stores the outcomes. A target with a failure gets no
// further message of this round.
func (n *Notifier) deliver(ctx context.Context, c Config, due map[string][]Message, now time.Time) error {
	if !slices.ContainsFunc(slices.Collect(maps.Values(due)), func(list []Message) bool { return len(list) > 0 }) {
		return nil
	}
	sending, cancel := context.WithTimeout(ctx, claimTime-sendTime)
	defer cancel()
	outcomes := make([][]outcome, len(c.Targets))
	var group errgroup.Group
	for i, t := range c.Targets {
		group.Go(func() error {
			outcomes[i] = n.toTarget(sending, t, due[t.Name], c.Links)
			return nil
		})
	}
	_ = group.Wait()
	return n.store(context.WithoutCancel(ctx), slices.Concat(outcomes...), now)
}

// outcome is the outcome of a delivery.
type outcome struct {
	target string
	m      Message
	err    error
}

func (n *Notifier) toTarget(ctx context.Context, t Target, list []Message, l Links) (all []outcome) {
	for _, m := range list {
		err := t.send(ctx, m, l)
		all = append(all, outcome{t.Name, m, err})
		if n.Sent != nil {
			n.Sent(t.Name, err == nil)
		}
		log := n.Log.With().Str("target", t.Name).Str("cause", m.cause).Str("state", m.state()).Logger()
		if err != nil {
			log.Warn().Err(err).Msg("a notification was not delivered: it is sent again later")
			break
		}
		log.Info().Msg("a notification was sent")
	}
	return all
}

// store stores outcomes by compare-and-set, against the looks of other processes.
func (n *Notifier) store(ctx context.Context, outcomes []outcome, now time.Time) error {
	records, err := n.Records(ctx)
	if err != nil {
		return err
	}
	for range storeTries {
		value, revision, err := records.Load(ctx, Key)
		if err != nil {
			return err
		}
		s := decode(value)
		for _, o := range outcomes {
			s.end(o, now)
		}
		if value, err = json.Marshal(s); err != nil {
			return err
		}
		if _, err = records.Store(ctx, Key, value, revision); !errors.Is(err, streams.ErrStaleRevision) {
			return err
		}
	}
	return streams.ErrStaleRevision
}

// end stores one outcome of a look at this time.
func (s *state) end(o outcome, now time.Time) {
	t := s.Targets[o.target]
	if t == nil {
		return
	}
	if o.err != nil {
		t.fail(o.err, now)
		return
	}
	t.Failing = nil
	if e := t.Entries[o.m.cause]; e != nil {
		e.delivered(o.m, now)
	}
}

// Failing returns the targets whose last delivery failed, by name.
func Failing(ctx context.Context, records Records) (map[string]Failure, error) {
	value, _, err := records.Load(ctx, Key)
	failing := map[string]Failure{}
	for name, t := range decode(value).Targets {
		if t.Failing != nil {
			failing[name] = *t.Failing
		}
	}
	return failing, err
}
