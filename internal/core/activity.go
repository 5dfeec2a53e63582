package core

import (
	"context"

	"github.com/usherhq/usher/internal/activity"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
)

// takeActivity takes the activity events of the vendor until ctx ends.
func (x *Core) takeActivity(ctx context.Context) {
	activity.New(activity.Config{
		Vendor: x.config.Vendor, Prefetch: x.config.Activity.Prefetch, AckWait: x.config.Activity.AckWait,
	}, activity.Deps{
		Fetch: x.streams.fetchActivity, Attempts: x.first, Scheduler: x.slots, Log: x.deps.Log,
		Allows: func() bool { return x.gate.Allows(mailbox.Activity) }, Failures: &x.failures,
	}).Run(ctx, x.config.Shutdown)
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
