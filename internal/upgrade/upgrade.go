// Package upgrade migrates the state of a former version of Usher to the mailboxes. The former
// version had a durable consumer for the lifecycle events of each vendor, paused consumers instead
// of vendors, and stored replays in a work queue.
//
// The next Run recognizes the state after each step. So Run may be interrupted at any step, and
// several processes may call Run at once.
package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// ErrServed means that a process of the former version still serves a vendor.
var ErrServed = errors.New("an older usher is still serving: stop all older processes first, since both versions must not run side by side")

// Config holds the parameters of Run.
type Config struct {
	Vendors  []string               // names of all vendors, on or off
	Events   string                 // name of the stream of events
	Replays  jetstream.StreamConfig // configuration of the stream of replays
	Replicas int                    // replicas of the streams of the mailboxes
	// HoldFresh is the age up to which a stored hold proves that a former version serves a
	// vendor: during a hold the former version fetches nothing.
	HoldFresh time.Duration
}

// run is one call of Run.
type run struct {
	Config
	js     jetstream.JetStream
	client streams.Client
}

// Run migrates the state of the former version. Returns ErrServed if the former version still
// serves a vendor. Without any state to migrate Run only reads.
func Run(ctx context.Context, js jetstream.JetStream, c Config) error {
	u := &run{Config: c, js: js, client: streams.Client{JetStream: js}}
	former, err := u.find(ctx)
	if err != nil || (len(former.vendors) == 0 && former.replays == nil) {
		return err
	}
	if err := u.checkStopped(ctx, former); err != nil {
		return err
	}
	if err := admin.EnsureWorker(ctx, js, admin.Workers{Replicas: c.Replicas}); err != nil {
		return err
	}
	for _, v := range former.vendors {
		if err := u.moveVendor(ctx, v); err != nil {
			return fmt.Errorf("migrate vendor %s to the mailboxes: %w", v.name, err)
		}
	}
	if former.replays == nil {
		return nil
	}
	if err := u.moveReplays(ctx, former.replays); err != nil {
		return fmt.Errorf("migrate the replays to %s: %w", c.Replays.Name, err)
	}
	return nil
}

// former is the state of the former version.
type former struct {
	vendors []vendor
	replays jetstream.Stream // nil if there is none
	queues  []*jetstream.ConsumerInfo
}

// find returns the state of the former version.
func (u *run) find(ctx context.Context) (f former, err error) {
	for _, name := range u.Vendors {
		v, err := u.findVendor(ctx, name)
		if err != nil {
			return former{}, err
		}
		if v.lifecycle != nil {
			f.vendors = append(f.vendors, v)
		}
	}
	if f.replays, err = u.stream(ctx, formerReplays); err != nil || f.replays == nil {
		return f, err
	}
	for _, name := range u.Vendors {
		queue, err := u.consumer(ctx, formerReplays, consumerName(name, "replay"))
		if err != nil {
			return former{}, err
		}
		if queue != nil {
			f.queues = append(f.queues, queue)
		}
	}
	return f, nil
}

// checkStopped returns ErrServed if the former version serves any vendor.
func (u *run) checkStopped(ctx context.Context, f former) error {
	consumers := f.queues
	for _, v := range f.vendors {
		consumers = append(consumers, v.lifecycle)
	}
	for _, c := range consumers {
		if isServed(c) {
			return fmt.Errorf("%w (consumer %s)", ErrServed, c.Name)
		}
	}
	for _, v := range f.vendors {
		if err := u.checkHold(ctx, v.name); err != nil {
			return err
		}
	}
	return nil
}

// isServed reports whether a process fetches from a consumer, or fetched within the TTL of the pin.
func isServed(c *jetstream.ConsumerInfo) bool {
	for _, g := range c.PriorityGroups {
		if g.PinnedClientID != "" {
			return true
		}
	}
	return c.NumWaiting > 0
}

// checkHold returns ErrServed if the vendor was on hold within HoldFresh.
func (u *run) checkHold(ctx context.Context, vendor string) error {
	control, err := u.control(ctx)
	if err != nil {
		return err
	}
	value, _, err := control.Load(ctx, "hold."+vendor)
	if err != nil {
		return err
	}
	var h streams.Hold
	if json.Unmarshal(value, &h) == nil && time.Since(h.At) < u.HoldFresh {
		return fmt.Errorf("%w (%s was reported on hold at %s; if no older usher runs, start again in %s)", ErrServed, vendor, h.At.Format(time.RFC3339), u.HoldFresh)
	}
	return nil
}

// control opens the bucket of pauses and holds.
func (u *run) control(ctx context.Context) (*streams.Records, error) {
	return streams.OpenRecords(ctx, u.client, streams.ControlBucket)
}

// consumerName returns the name of a durable consumer of a vendor.
func consumerName(vendor, kind string) string { return "usher-" + vendor + "-" + kind }

// stream returns a stream with the present state, or nil without the stream.
func (u *run) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	s, err := u.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up stream %s: %w", name, err)
	}
	return s, nil
}

// consumer returns the present state of a consumer, or nil without the consumer.
func (u *run) consumer(ctx context.Context, stream, name string) (*jetstream.ConsumerInfo, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	c, err := u.js.Consumer(ctx, stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up consumer %s: %w", name, err)
	}
	return c.CachedInfo(), nil
}

// call returns the context of one call to JetStream.
func (u *run) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*streams.CallTimeout)
}
