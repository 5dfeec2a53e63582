package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// The streams and buckets (docs/design.md, section 4).
const (
	EventsStream  = "EVENTS"
	ResultsStream = "RESULTS"
	ReplaysStream = "OPEN_REPLAYS"
	DeadStream    = "DEADLETTERS"
	AuditStream   = "AUDIT"
	HistoryStream = "HISTORY"
	AccountsKV    = "ACCOUNTS"
	EffectsKV     = "EFFECTS"
	ControlKV     = "CONTROL"
)

// Layout is what the streams are made with.
type Layout struct {
	// Events is the stream that holds the four subjects. Where Own is set it is
	// made if it is not there; otherwise it is the user's and only read.
	Events     string
	Own        bool
	Replicas   int
	EventsAge  time.Duration // how long events are kept
	ResultsAge time.Duration // how long results are
	DeadAge    time.Duration // how long dead letters are
	AuditAge   time.Duration // how long it is known who did what
	HistoryAge time.Duration // how long finished effects are listed
	EffectAge  time.Duration // how long activity is remembered
	Window     time.Duration // in which a repeated Nats-Msg-Id is taken once
	MaxBytes   int64         // of EVENTS and of RESULTS; no limit where it is zero
}

// Ensure makes the streams and buckets that are not there. It changes none that
// is; see Check. Its errors say what to do; Lasting tells whether to try again.
func (b *Bus) Ensure(ctx context.Context) error {
	err := b.layout.ensure(ctx, b.js)
	if err == nil {
		err = b.behind(ctx)
	}
	if err != nil {
		return Explained(err)
	}
	return nil
}

func (l Layout) ensure(ctx context.Context, js jetstream.JetStream) error {
	for _, want := range l.streams() {
		if err := ensure(ctx, js, want); err != nil {
			return err
		}
	}
	have, err := info(ctx, js, l.Events)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && !l.Own:
		return setupError{fmt.Errorf("%w; set nats.events_stream (USHER_NATS_EVENTS_STREAM) to the stream that holds the events", err)}
	case err != nil:
		return err
	}
	if missing := uncovered(have.Subjects); len(missing) > 0 {
		return setupError{fmt.Errorf("stream %s (nats.events_stream) does not hold the subjects %s: add them to it", l.Events, strings.Join(missing, ", "))}
	}
	return nil
}

func (l Layout) streams() []jetstream.StreamConfig {
	with := func(set func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := l.base()
		set(&c)
		return c
	}
	list := []jetstream.StreamConfig{
		with(func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects, c.MaxAge, c.MaxBytes = ResultsStream, resultSubjects(), l.ResultsAge, l.bytes()
		}),
		l.Replays(),
		with(func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects, c.MaxAge = DeadStream, []string{"usher.dead.>"}, l.DeadAge
			c.MaxMsgsPerSubject, c.Discard = 1, jetstream.DiscardOld
		}),
		with(func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects, c.MaxAge = AuditStream, []string{auditSubject}, l.AuditAge
			c.DenyDelete, c.DenyPurge = true, true
		}),
		with(func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects, c.MaxAge = HistoryStream, []string{"usher.history.>"}, l.HistoryAge
		}),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, AccountsKV, 0) }),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, EffectsKV, l.EffectAge) }),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, ControlKV, 0) }),
	}
	if l.Own {
		list = append(list, with(func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects, c.MaxAge, c.MaxBytes = l.Events, events.Types(), l.EventsAge, l.bytes()
		}))
	}
	return list
}

// Replays returns the configuration of the stream of replays. A replay stays in the stream
// until its effect has ended.
func (l Layout) Replays() jetstream.StreamConfig {
	c := l.base()
	c.Name, c.Subjects = ReplaysStream, []string{"usher.replay.>"}
	return c
}

// base returns the settings that all streams share.
func (l Layout) base() jetstream.StreamConfig {
	return jetstream.StreamConfig{Storage: jetstream.FileStorage, Replicas: max(1, l.Replicas), Discard: jetstream.DiscardNew, Duplicates: l.Window, MaxBytes: -1}
}

// bucket sets what a key-value bucket is made of. It is made as a stream, since
// only so reads can be kept to the leader: a follower may serve an old record.
func (l Layout) bucket(c *jetstream.StreamConfig, name string, age time.Duration) {
	c.Name, c.Subjects, c.MaxAge = "KV_"+name, []string{"$KV." + name + ".>"}, age
	c.MaxMsgsPerSubject, c.AllowRollup, c.DenyDelete = 1, true, true
	c.AllowDirect = c.Replicas == 1
	if age > 0 {
		c.Duplicates = min(c.Duplicates, age)
	}
}

func resultSubjects() []string {
	var subjects []string
	for _, t := range events.ResultTypes() {
		subjects = append(subjects, events.ResultSubject(t, "*"))
	}
	return subjects
}

// bytes is the limit as JetStream wants it: -1 is none.
func (l Layout) bytes() int64 {
	if l.MaxBytes > 0 {
		return l.MaxBytes
	}
	return -1
}

func ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	_, err := info(ctx, js, want.Name)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*CallTimeout)
	defer cancel()
	_, err = js.CreateStream(ctx, want)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		return fmt.Errorf("make stream %s: %w%s", want.Name, err, overlap(ctx, js, want, err))
	}
	return nil
}

// overlap says which stream holds the subjects already, where that is the fault.
func overlap(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, err error) string {
	if api := (*jetstream.APIError)(nil); !errors.As(err, &api) || api.ErrorCode != codeOverlap {
		return ""
	}
	name, err := js.StreamNameBySubject(ctx, want.Subjects[0])
	if err != nil {
		return ""
	}
	if want.Name == ReplaysStream {
		return fmt.Sprintf("; the stream %s of an older usher holds its subjects: usher serve and usher nats apply move its messages", name)
	}
	if want.Name == ResultsStream {
		return fmt.Sprintf("; the stream %s holds subjects of results: narrow it to %s", name, strings.Join(events.Types(), ", "))
	}
	return fmt.Sprintf("; the stream %s holds its subjects: set nats.events_stream (USHER_NATS_EVENTS_STREAM) to it", name)
}

func info(ctx context.Context, js jetstream.JetStream, name string) (jetstream.StreamConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream.CachedInfo().Config, nil
}

// uncovered returns the event subjects that none of subjects matches.
func uncovered(subjects []string) []string {
	var missing []string
	for _, t := range events.Types() {
		if !slices.ContainsFunc(subjects, func(s string) bool { return covers(s, t) }) {
			missing = append(missing, t)
		}
	}
	return missing
}

// covers tells whether the subject filter matches subject.
func covers(filter, subject string) bool {
	f, s := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, token := range f {
		switch {
		case token == ">":
			return i < len(s)
		case i >= len(s) || (token != "*" && token != s[i]):
			return false
		}
	}
	return len(f) == len(s)
}
