package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// markerTTL is the lifetime of the server's marker for an expired lease.
	markerTTL = time.Minute
	// scheduleLevel is the JetStream API level of nats-server 2.12, the first with message schedules.
	scheduleLevel = 2
)

// Ensure creates the missing ones of TIMERS, LEASES, OWNERSHIP and ACCOUNT_INDEX. Existing ones are left
// alone; a shape that cannot work is an error with a remedy. A server without message
// schedules (below 2.12) is an error.
func Ensure(ctx context.Context, js jetstream.JetStream, names Names, replicas int) error {
	c := Client{JetStream: js}
	if err := c.checkServer(ctx); err != nil {
		return err
	}
	for _, want := range Configs(names, replicas) {
		have, err := c.ensure(ctx, want)
		if err != nil {
			return err
		}
		if err := checkShape(want, have); err != nil {
			return err
		}
	}
	return nil
}

// Remake creates those of TIMERS, LEASES and OWNERSHIP that were deleted while processes work,
// and returns the names of the streams that it made. The processes bring back the contents.
// ACCOUNT_INDEX is left to a person: its contents may come from a backup. ErrNoStream reports
// a missing stream that cannot be made.
func Remake(ctx context.Context, js jetstream.JetStream, names Names, replicas int) (made []string, err error) {
	c := Client{JetStream: js}
	index := "KV_" + names.withDefaults().Index
	for _, want := range Configs(names, replicas) {
		if want.Name == index {
			continue
		}
		if _, err := c.stream(ctx, want.Name); err == nil {
			continue
		} else if !errors.Is(err, ErrNoStream) {
			return made, err
		}
		_, err := c.create(ctx, want)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			return made, fmt.Errorf("%w: %w", ErrNoStream, err)
		}
		made = append(made, want.Name)
	}
	return made, nil
}

// checkServer returns an error if the server has no message schedules. An older server
// would ignore the setting and store every timer as an ordinary message.
func (c Client) checkServer(ctx context.Context) error {
	ctx, cancel := c.call(ctx)
	defer cancel()
	account, err := c.JetStream.AccountInfo(ctx)
	if err != nil {
		return fmt.Errorf("read the account of JetStream: %w", err)
	}
	if level := account.API.Level; level < scheduleLevel {
		return fmt.Errorf("nats-server 2.12 or later is needed: message schedules need JetStream API level %d, the server has %d", scheduleLevel, level)
	}
	return nil
}

// Configs returns the streams in the order of their creation.
func Configs(n Names, replicas int) []jetstream.StreamConfig {
	n = n.withDefaults()
	base := jetstream.StreamConfig{Storage: jetstream.FileStorage, Replicas: max(1, replicas), MaxMsgsPerSubject: 1, AllowRollup: true}
	timers, leases := base, base

	// The server refuses DiscardNew on a stream with schedules. Without limits on
	// messages and bytes nothing is discarded.
	timers.Name, timers.Subjects = n.Timers, []string{n.TimerSubject + ".>", n.WakeSubject + ".>"}
	timers.Retention, timers.AllowMsgSchedules = jetstream.WorkQueuePolicy, true

	leases.Name, leases.Subjects = n.Leases, []string{n.LeaseSubject + ".>"}
	leases.AllowMsgTTL, leases.SubjectDeleteMarkerTTL = true, markerTTL
	leases.Discard, leases.DenyDelete = jetstream.DiscardNew, true

	bucket := func(name string) jetstream.StreamConfig {
		c := base
		c.Name, c.Subjects = "KV_"+name, []string{"$KV." + name + ".>"}
		c.Discard, c.DenyDelete = jetstream.DiscardNew, true
		return c
	}
	return []jetstream.StreamConfig{timers, leases, bucket(n.Ownership), bucket(n.Index)}
}

// ensure returns the configuration of a stream, and creates a missing stream.
func (c Client) ensure(ctx context.Context, want jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	stream, err := c.stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = c.create(ctx, want)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		stream, err = c.stream(ctx, want.Name)
	}
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return stream.CachedInfo().Config, nil
}

func (c Client) create(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.timeout())
	defer cancel()
	stream, err := c.JetStream.CreateStream(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("create stream %s: %w", want.Name, err)
	}
	return stream, nil
}

// flaw is an unusable setting of an existing stream.
type flaw struct {
	found  bool
	reason string // the setting and the harm
	remedy string // a command, with %s for the name of the stream
}

const (
	remake = "delete stream %s, and it is created anew"
	edit   = "run: nats stream edit %s "
)

// checkShape returns an error if the existing stream cannot serve as the wanted stream.
func checkShape(want, have jetstream.StreamConfig) error {
	missing := slices.DeleteFunc(slices.Clone(want.Subjects), func(s string) bool { return slices.Contains(have.Subjects, s) })
	for _, f := range []flaw{
		{len(missing) > 0, "its subjects lack " + strings.Join(missing, ", "), edit + "--subjects " + strings.Join(want.Subjects, ",")},
		{have.Storage != want.Storage, "it is in memory, which a restart of the server empties", remake + " with file storage"},
		{have.MaxAge > 0, fmt.Sprintf("its max_age of %s removes what is still needed", have.MaxAge), edit + "--max-age=-1"},
		{have.Retention != want.Retention, fmt.Sprintf("its retention is %s instead of %s", have.Retention, want.Retention), remake},
		{have.MaxMsgsPerSubject != 1, "it keeps more than one message for a subject", edit + "--max-msgs-per-subject 1"},
		{have.MaxMsgs > 0, "its limit on messages discards what is still needed, or refuses it", edit + "--max-msgs=-1"},
		{want.AllowMsgSchedules && !have.AllowMsgSchedules, "it has no message schedules", edit + "--allow-schedules"},
		{want.AllowMsgTTL && !have.AllowMsgTTL, "it has no TTL of messages, so that a lease never expires", edit + "--allow-msg-ttl"},
		{want.AllowMsgTTL && have.SubjectDeleteMarkerTTL == 0, "it has no markers for expired leases", edit + "--subject-del-markers-ttl 1m"},
		{have.AllowDirect && have.Replicas > 1, "allow_direct lets a follower answer with an old value", edit + "--no-allow-direct"},
	} {
		if f.found {
			return fmt.Errorf("stream %s cannot be used: %s; "+f.remedy, want.Name, f.reason, want.Name)
		}
	}
	return nil
}
