// Package upgrade moves the state of a former version of usher over to the mailboxes. Up to
// that version a durable consumer handed out the lifecycle events of a vendor, pauses were
// pauses of consumers, and the stream of replays was a work queue.
//
// Each step leaves a state that the next Run recognizes, so that Run may be interrupted at
// any step, and several processes may call Run at once.
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

// ErrServed says that a former version still works for a vendor.
var ErrServed = errors.New("an older usher is still serving: stop all of them first, since the old version and this one must not work side by side")

// Config is what Run needs to know.
type Config struct {
	Vendors  []string               // all that usher knows, on or off
	Events   string                 // the stream of events
	Replays  jetstream.StreamConfig // of the stream of replays
	Replicas int                    // of the streams of the mailboxes
	// HoldFresh is the age up to which the note of a hold proves that a former version
	// serves: it fetches nothing meanwhile.
	HoldFresh time.Duration
}

// run is one run.
type run struct {
	Config
	js     jetstream.JetStream
	client streams.Client
}

// Run moves over what a former version has left, and returns ErrServed if the former version
// still serves. Without anything to move Run only reads.
func Run(ctx context.Context, js jetstream.JetStream, c Config) error {
	u := &run{Config: c, js: js, client: streams.Client{JetStream: js}}
	former, err := u.find(ctx)
	if err != nil || (len(former.vendors) == 0 && former.replays == nil) {
		return err
	}
	if err := u.checkStopped(ctx, former); err != nil {
		return err
	}
	if err := admin.EnsureWorker(ctx, js, streams.Names{}, c.Replicas); err != nil {
		return err
	}
	for _, v := range former.vendors {
		if err := u.moveVendor(ctx, v); err != nil {
			return fmt.Errorf("move %s over to the mailboxes: %w", v.name, err)
		}
	}
	if former.replays == nil {
		return nil
	}
	if err := u.moveReplays(ctx, former.replays); err != nil {
		return fmt.Errorf("move the replays over to %s: %w", c.Replays.Name, err)
	}
	return nil
}

// former is what a former version has left.
type former struct {
	vendors []vendor
	replays jetstream.Stream // nil if there is none
	queues  []*jetstream.ConsumerInfo
}

// find looks for what a former version has left.
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

// isServed reports whether a process fetches from a consumer, or did so within the TTL of its pin.
func isServed(c *jetstream.ConsumerInfo) bool {
	for _, g := range c.PriorityGroups {
		if g.PinnedClientID != "" {
			return true
		}
	}
	return c.NumWaiting > 0
}

// checkHold returns ErrServed if a hold of the vendor was noted lately.
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
		return fmt.Errorf("%w (%s was noted as on hold at %s; without an older usher this passes in %s)", ErrServed, vendor, h.At.Format(time.RFC3339), u.HoldFresh)
	}
	return nil
}

// control opens the bucket of pauses and holds.
func (u *run) control(ctx context.Context) (*streams.Records, error) {
	return streams.OpenRecords(ctx, u.client, streams.ControlBucket)
}

// consumerName returns the name of a durable consumer of a vendor.
func consumerName(vendor, kind string) string { return "usher-" + vendor + "-" + kind }

// stream returns a stream with its present state, or nil if there is none.
func (u *run) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	s, err := u.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return s, nil
}

// consumer returns the present state of a consumer, or nil if there is none.
func (u *run) consumer(ctx context.Context, stream, name string) (*jetstream.ConsumerInfo, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	c, err := u.js.Consumer(ctx, stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	return c.CachedInfo(), nil
}

// call returns the context of one call to JetStream.
func (u *run) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 2*streams.CallTimeout)
}
