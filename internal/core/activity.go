package core

import (
	"context"
	"sync"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/activity"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/memory"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

// openMemory opens the memory of activities.
func (x *Core) openMemory(ctx context.Context) (err error) {
	x.memory, err = memory.Open(ctx, memory.Config{
		Vendor: x.config.Vendor, Keep: x.config.Activity.Memory, Records: x.config.Effects, Index: x.config.Segments,
	}, x.streams.client, x.deps.Log)
	return err
}

// forever is the end of a right that does not end.
func forever() time.Time { return time.Now().Add(time.Hour) }

// takeActivity takes the activity events of the vendor until ctx ends, or, in order, until
// messages may have come to another process. until is the end of the certain time of the right.
func (x *Core) takeActivity(ctx context.Context, until func() time.Time) {
	activity.New(activity.Config{
		Vendor: x.config.Vendor, Prefetch: x.config.Activity.Prefetch, AckWait: x.config.Activity.AckWait, Ordered: x.config.Activity.Ordered,
	}, activity.Deps{
		Fetch: x.streams.fetchActivity, Attempts: x.first, Scheduler: x.slots, Log: x.deps.Log, Until: until,
		Allows: func() bool { return x.gate.Allows(mailbox.Activity) && x.memory.Current() }, Failures: &x.failures,
	}).Run(ctx, x.config.Shutdown)
}

// beside stores the memory of activities, and takes activity in order, for an ownership.
func (x *Core) beside(ctx context.Context, own mailbox.Ownership) {
	if x.first == nil {
		return
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { x.memory.Archive(ctx) })
	for x.config.Activity.Ordered && ctx.Err() == nil {
		if err := x.restartActivity(ctx); err == nil {
			x.takeActivity(ctx, own.Until)
		} else if ctx.Err() == nil {
			x.failures.Failed(x.deps.Log, x.config.Vendor, err)
			pause.For(ctx, time.Second)
		}
	}
}

// restartActivity waits until the memory knows the results of the former owner, and lets the
// events without an ack come again.
func (x *Core) restartActivity(ctx context.Context) error {
	if err := x.memory.CatchUp(ctx); err != nil {
		return err
	}
	return x.streams.shared.Restart(ctx)
}

// timerToken is the token of the timers of first attempts, which have no ownership.
const timerToken = 0

// delivery is a message of the consumer of activity.
type delivery struct {
	*streams.Delivery
	stream string
}

func (d delivery) Event() mailbox.Message { return message(d.stream, d.Message) }

func (d delivery) Again() bool { return d.Delivery.Again }

// results publishes results. The result of an activity is stored once for the time of the memory.
type results struct {
	mailbox.Results
	memory *memory.Memory
}

func (r results) Publish(ctx context.Context, vendor string, e events.Event) error {
	if !events.IsActivityResultType(e.Type()) {
		return r.Results.Publish(ctx, vendor, e)
	}
	if r.memory.HasResultID(e.ID()) {
		return nil
	}
	err := r.Results.Publish(ctx, vendor, e)
	if err == nil {
		r.memory.AddResult(e.ID())
	}
	return err
}
