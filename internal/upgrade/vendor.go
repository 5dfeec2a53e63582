package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// vendor is a vendor with the consumers of the former version.
type vendor struct {
	name      string
	lifecycle *jetstream.ConsumerInfo // nil unless created by the former version
	activity  *jetstream.ConsumerInfo // may be nil
}

// findVendor returns the consumers of a vendor. The former version pinned the consumer of
// lifecycle events to one process.
func (u *run) findVendor(ctx context.Context, name string) (v vendor, err error) {
	v.name = name
	v.lifecycle, err = u.consumer(ctx, u.Events, consumerName(name, "lifecycle"))
	if err != nil || v.lifecycle == nil {
		return v, err
	}
	if v.lifecycle.Config.PriorityPolicy != jetstream.PriorityPolicyPinned {
		v.lifecycle = nil
		return v, nil
	}
	v.activity, err = u.consumer(ctx, u.Events, consumerName(name, "activity"))
	return v, err
}

// moveVendor migrates a vendor. The consumer is replaced last: with the former consumer in place,
// the steps before can be repeated.
func (u *run) moveVendor(ctx context.Context, v vendor) error {
	if err := u.movePause(ctx, v); err != nil {
		return err
	}
	if err := u.movePosition(ctx, v); err != nil {
		return err
	}
	return u.replaceConsumer(ctx, v)
}

// movePosition commits the ack floor of the former consumer, unless a position is committed.
func (u *run) movePosition(ctx context.Context, v vendor) error {
	o, err := streams.OpenOwnership(ctx, u.client, v.name)
	if err != nil {
		return err
	}
	if p, err := o.Position(ctx); err != nil || p != (events.Position{}) {
		return err
	}
	stream, err := u.stream(ctx, u.Events)
	if err != nil {
		return err
	}
	if stream == nil {
		return jetstream.ErrStreamNotFound
	}
	return o.Commit(ctx, events.Position{Epoch: stream.CachedInfo().Created.UnixNano(), Seq: v.lifecycle.AckFloor.Stream})
}

// replaceConsumer replaces the former consumer by the lag consumer of the same name. Otherwise an
// undetected process of the former version would create the consumer again, from the first event.
func (u *run) replaceConsumer(ctx context.Context, v vendor) error {
	limited, cancel := u.call(ctx)
	defer cancel()
	name := v.lifecycle.Name
	if err := u.js.DeleteConsumer(limited, u.Events, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	subjects := v.lifecycle.Config.FilterSubjects
	if one := v.lifecycle.Config.FilterSubject; one != "" {
		subjects = []string{one}
	}
	_, err := streams.OpenLag(ctx, u.client, streams.CounterConfig{Stream: u.Events, Consumer: name, Subjects: subjects})
	return err
}

// endless is the least length of a pause that counts as a pause without an end.
const endless = 50 * 365 * 24 * time.Hour

// movePause pauses the vendor instead of the former consumers. The consumer of activity stays and
// is resumed.
func (u *run) movePause(ctx context.Context, v vendor) error {
	until, paused := pausedUntil(v.lifecycle)
	if !paused {
		if until, paused = pausedUntil(v.activity); !paused {
			return nil
		}
	}
	if time.Until(until) > endless {
		until = time.Time{}
	}
	if err := u.setPause(ctx, v.name, until); err != nil {
		return err
	}
	if _, paused := pausedUntil(v.activity); !paused {
		return nil
	}
	limited, cancel := u.call(ctx)
	defer cancel()
	_, err := u.js.ResumeConsumer(limited, u.Events, v.activity.Name)
	return err
}

// pausedUntil returns the end of the pause of a consumer; false without a pause.
func pausedUntil(c *jetstream.ConsumerInfo) (time.Time, bool) {
	if c == nil || !c.Paused || c.Config.PauseUntil == nil {
		return time.Time{}, false
	}
	return *c.Config.PauseUntil, true
}

// setPause pauses a vendor unless already paused. A zero time means a pause without an end.
func (u *run) setPause(ctx context.Context, vendor string, until time.Time) error {
	control, err := u.control(ctx)
	if err != nil {
		return err
	}
	value, err := json.Marshal(struct {
		Since time.Time `json:"since"`
		Until time.Time `json:"until,omitzero"`
	}{time.Now().UTC(), until.UTC()})
	if err != nil {
		return err
	}
	if _, err := control.Store(ctx, "pause."+vendor, value, 0); !errors.Is(err, streams.ErrStaleRevision) {
		return err
	}
	return nil
}
