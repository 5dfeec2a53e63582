package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

const (
	// markerTTL is the lifetime of the server's marker for an expired lease.
	markerTTL = time.Minute
	// scheduleLevel is the JetStream API level of nats-server 2.12, the first with message schedules.
	scheduleLevel = 2
)

// Workers has the settings of the streams of the workers.
type Workers struct {
	Names    streams.Names
	Replicas int
	Room     Room
}

// EnsureWorker creates missing ones of TIMERS, LEASES, OWNERSHIP and ACCOUNT_INDEX. Existing
// ones are unchanged; an unusable shape is an error with a remedy. A server without message
// schedules (below 2.12) is an error.
func EnsureWorker(ctx context.Context, js jetstream.JetStream, w Workers) error {
	if err := checkServer(ctx, js); err != nil {
		return err
	}
	for {
		if err := ensureWorker(ctx, js, w); !w.Room.halve(err) {
			return err
		}
	}
}

func ensureWorker(ctx context.Context, js jetstream.JetStream, w Workers) error {
	for _, want := range w.Streams() {
		have, err := ensure(ctx, js, want)
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
// and returns the names of the new streams. The processes bring back the contents. ACCOUNT_INDEX
// is left to a person: the contents may come from a backup. ErrNoStream reports a missing stream
// that cannot be created.
func Remake(ctx context.Context, js jetstream.JetStream, w Workers) (made []string, err error) {
	index := "KV_" + w.Names.WithDefaults().Index
	for _, want := range w.Streams() {
		if want.Name == index {
			continue
		}
		remade, err := createMissing(ctx, js, want)
		if err != nil {
			return made, err
		}
		if remade {
			made = append(made, want.Name)
		}
	}
	return made, nil
}

// createMissing creates a stream unless the stream exists, and reports whether it is new.
func createMissing(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (made bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	if _, err := js.Stream(ctx, want.Name); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, err
	}
	_, err = js.CreateStream(ctx, want)
	if noRoom(err) { // the contents are bounded by the vendors and users
		want.MaxBytes = -1
		_, err = js.CreateStream(ctx, want)
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		return false, fmt.Errorf("create stream %s: %w: %w", want.Name, streams.ErrNoStream, err)
	}
	return true, nil
}

// checkServer returns an error if the server has no message schedules. An older server
// would ignore the setting and store every timer as an ordinary message.
func checkServer(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	account, err := js.AccountInfo(ctx)
	if err != nil {
		return fmt.Errorf("read the account of JetStream: %w", err)
	}
	if level := account.API.Level; level < scheduleLevel {
		return fmt.Errorf("nats-server 2.12 or later is needed: message schedules need JetStream API level %d, the server has %d", scheduleLevel, level)
	}
	return nil
}

// Streams returns the configurations in the order of creation.
func (w Workers) Streams() []jetstream.StreamConfig {
	n, replicas := w.Names.WithDefaults(), w.Replicas
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
	return w.Room.limited(marked([]jetstream.StreamConfig{timers, leases, bucket(n.Ownership), bucket(n.Index)}, n.Prefix))
}
