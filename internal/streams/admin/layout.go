// Package admin creates, compares, changes and compacts the streams, buckets and consumers.
package admin

import (
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// Layout has the settings of the streams and buckets.
type Layout struct {
	Names streams.Names // without effect on Events
	// Events is the stream of the event types. With Own, Usher creates a missing stream;
	// otherwise the stream belongs to the user and is only read.
	Events     string
	Own        bool
	Replicas   int
	EventsAge  time.Duration // retention of events
	ResultsAge time.Duration // retention of results
	DeadAge    time.Duration // retention of dead letters
	AuditAge   time.Duration // retention of the audit log
	HistoryAge time.Duration // retention of finished effects
	Activity   time.Duration // time for which an activity is remembered: retention of its records and segments
	Window     time.Duration // the duplicate window of Nats-Msg-Id
	Room       Room          // the limits of the streams and buckets
	// WithoutAudit leaves AUDIT out: the stream is in another account, and not for this process.
	WithoutAudit bool
}

// configs returns the configurations of the streams and buckets.
func (l Layout) configs() []jetstream.StreamConfig {
	with := func(set func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := l.base()
		set(&c)
		return c
	}
	list := []jetstream.StreamConfig{
		with(func(c *jetstream.StreamConfig) {
			c.Name = streams.ResultsStream
			c.Subjects = resultSubjects(l.Names)
			c.MaxAge = l.ResultsAge
			c.Compression = jetstream.S2Compression // the memory of activities: a third of the disk
		}),
		l.Replays(),
		with(func(c *jetstream.StreamConfig) {
			c.Name = streams.DeadLettersStream
			c.Subjects = []string{streams.DeadLetterSubject + ".>"}
			c.MaxAge = l.DeadAge
			c.MaxMsgsPerSubject = 1
		}),
		with(func(c *jetstream.StreamConfig) {
			c.Name = streams.AuditStream
			c.Subjects = []string{streams.AuditSubject}
			c.MaxAge = l.AuditAge
			c.DenyDelete, c.DenyPurge = true, true
		}),
		with(func(c *jetstream.StreamConfig) {
			c.Name = streams.HistoryStream
			c.Subjects = []string{"usher.history.>"}
			c.MaxAge = l.HistoryAge
		}),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, streams.AccountsBucket, 0) }),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, streams.EffectsBucket, l.Activity) }),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, streams.ActivityBucket, l.Activity) }),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, streams.ProfilesBucket, 0) }),
		with(func(c *jetstream.StreamConfig) {
			l.bucket(c, streams.EmailsBucket, 0)
			c.DenyDelete = false // former hashes are erased, without markers
		}),
		with(func(c *jetstream.StreamConfig) { l.bucket(c, streams.ControlBucket, 0) }),
	}
	if l.Own {
		list = append(list, with(func(c *jetstream.StreamConfig) {
			c.Name = l.Events
			c.Subjects = events.Types()
			c.MaxAge = l.EventsAge
		}))
	}
	if l.WithoutAudit {
		list = slices.DeleteFunc(list, func(c jetstream.StreamConfig) bool { return c.Name == streams.AuditStream })
	}
	return l.Room.limited(marked(l.named(list), l.Names.Prefix))
}

// named returns the configurations with the names at the server.
func (l Layout) named(list []jetstream.StreamConfig) []jetstream.StreamConfig {
	for i, c := range list {
		if c.Name != l.Events {
			list[i].Name = l.Names.Stream(c.Name)
		}
		list[i].Subjects = l.Names.Filters(c.Subjects)
		if bucket, ok := strings.CutPrefix(list[i].Name, "KV_"); ok {
			list[i].Subjects = []string{"$KV." + bucket + ".>"}
		}
	}
	return list
}

// Workers returns the settings of the streams of the workers.
func (l Layout) Workers() Workers {
	return Workers{Names: l.Names, Replicas: l.Replicas, Room: l.Room}
}

// Replays returns the configuration of the stream of replays. A replay stays in the stream
// until its effect has ended.
func (l Layout) Replays() jetstream.StreamConfig {
	c := l.base()
	c.Name, c.Subjects = streams.ReplaysStream, []string{"usher.replay.>"}
	return c
}

// base returns the common settings of all streams.
func (l Layout) base() jetstream.StreamConfig {
	return jetstream.StreamConfig{Storage: jetstream.FileStorage, Replicas: max(1, l.Replicas), Discard: jetstream.DiscardNew, Duplicates: l.Window, MaxBytes: -1}
}

// bucket sets the stream of a key-value bucket. Only a stream's configuration can keep reads to
// the leader: a follower may serve an old record.
func (l Layout) bucket(c *jetstream.StreamConfig, name string, age time.Duration) {
	c.Name = "KV_" + name
	c.Subjects = []string{"$KV." + name + ".>"}
	c.MaxAge = age
	c.MaxMsgsPerSubject = 1
	c.AllowRollup = true
	c.DenyDelete = true
	c.AllowDirect = c.Replicas == 1
	if age > 0 {
		c.Duplicates = min(c.Duplicates, age)
	}
}

func resultSubjects(n streams.Names) []string {
	var subjects []string
	for _, t := range events.ResultTypes() {
		subjects = append(subjects, n.Result(t, "*"))
	}
	return subjects
}
