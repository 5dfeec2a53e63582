package core

import (
	"context"
	"time"

	"github.com/usherhq/usher/internal/activity"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
)

// openShared opens the consumer of activity; nil if the vendor takes none.
func (x *Core) openShared(ctx context.Context) (*streams.Shared, error) {
	a := x.config.Activity
	if len(a.Subjects) == 0 {
		return nil, nil
	}
	return streams.OpenShared(ctx, x.consumers, streams.SharedConfig{
		Stream: x.config.Stream, Consumer: "usher-" + x.config.Vendor + "-activity", Subjects: a.Subjects,
		AckWait: a.AckWait, MaxAckPending: a.MaxAckPending, Made: x.sayNew,
	})
}

// takeActivity takes the activity events of the vendor until ctx ends.
func (x *Core) takeActivity(ctx context.Context) {
	activity.New(activity.Config{
		Vendor: x.config.Vendor, Prefetch: x.config.Activity.Prefetch, AckWait: x.config.Activity.AckWait,
	}, activity.Deps{
		Fetch: x.fetchActivity, Attempts: x.first, Scheduler: x.slots, Log: x.deps.Log,
		Allows: func() bool { return x.gate.Allows(mailbox.Activity) }, Failures: &x.failures,
	}).Run(ctx, x.config.Shutdown)
}

// timerToken is the token of the timers that first attempts set: they have no ownership.
const timerToken = 0

// openFirst returns the first attempts of activity.
func (x *Core) openFirst() (*mailbox.FirstAttempts, error) {
	return mailbox.NewFirstAttempts(&x.vendor, x.config.Mailbox, x.mailboxDeps(timerToken), x.shared.Now)
}

func (x *Core) fetchActivity(ctx context.Context, n int, wait time.Duration, take func(activity.Message)) error {
	return x.shared.Fetch(ctx, n, wait, func(d *streams.Delivery) { take(delivery{d, x.config.Stream}) })
}

// delivery is a message of the consumer of activity.
type delivery struct {
	*streams.Delivery
	stream string
}

func (d delivery) Event() mailbox.Message { return message(d.stream, d.Message) }

func (d delivery) Again() bool { return d.Delivery.Again }
