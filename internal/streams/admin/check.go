package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
)

// Difference is a setting of a stream or a consumer that differs from the configuration.
type Difference struct {
	Of      string `json:"of"`      // "stream RESULTS", "consumer usher-lead-lifecycle"
	Setting string `json:"setting"` // "is there" if the stream or consumer is missing
	Have    string `json:"have"`
	Want    string `json:"want"`
	// Foreign is the reason why the stream is not of this Usher. Apply leaves the stream as it is.
	Foreign string `json:"foreign,omitempty"`
	Fixed   bool   `json:"fixed"` // the server cannot change the setting: the stream has to be created again
}

// String returns the difference in words.
func (d Difference) String() string {
	if d.Foreign != "" {
		return fmt.Sprintf("%s is not of this Usher: %s; it stays as it is", d.Of, d.Foreign)
	}
	return fmt.Sprintf("%s: %s is %s, the configuration says %s", d.Of, d.Setting, d.Have, d.Want)
}

// Missing reports whether the stream or consumer is missing.
func (d Difference) Missing() bool { return d.Setting == missing }

// ConsumerConfig is a durable consumer of a stream.
type ConsumerConfig struct {
	Stream string
	jetstream.ConsumerConfig
}

// Wanted has the streams and consumers to compare besides the streams of the layout.
type Wanted struct {
	Streams   []jetstream.StreamConfig
	Consumers []ConsumerConfig
	// Adopt takes streams without a mark for streams of a former version.
	Adopt bool
}

// resource is a wanted stream or consumer.
type resource struct {
	name   string
	differ func(ctx context.Context) ([]Difference, error)
	update func(ctx context.Context) error
	create func(ctx context.Context) error
}

// resources lists the streams, the buckets, and the consumers.
func (a *Admin) resources(ctx context.Context, w Wanted) ([]resource, error) {
	var list []resource
	wanted := append(a.layout.configs(), w.Streams...)
	found, err := a.existing(ctx, wanted)
	if err != nil {
		return nil, Explain(err)
	}
	former, others := found.former(wanted), map[string]bool{}
	for _, want := range bucketsFirst(wanted) {
		reason := ""
		if have, ok := found[want.Name]; ok && (!w.Adopt || isMarked(have)) {
			reason = foreign(want, have, former)
		}
		others[want.Name] = reason != ""
		list = append(list, a.streamResource(want, reason))
	}
	for _, want := range w.Consumers {
		if others[want.Stream] {
			continue
		}
		list = append(list, a.consumerResource(want))
	}
	return list, nil
}

// bucketsFirst returns the streams with the buckets first: if Apply ends before the streams have
// the mark, the streams still prove that an earlier Usher made the other buckets.
func bucketsFirst(list []jetstream.StreamConfig) []jetstream.StreamConfig {
	isStream := func(c jetstream.StreamConfig) int {
		if strings.HasPrefix(c.Name, "KV_") {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(list), func(a, b jetstream.StreamConfig) int { return isStream(a) - isStream(b) })
}

func (a *Admin) streamResource(want jetstream.StreamConfig, foreign string) resource {
	var have jetstream.StreamConfig
	return resource{
		name: "stream " + want.Name,
		differ: func(ctx context.Context) (found []Difference, err error) {
			if foreign != "" {
				return []Difference{{Of: "stream " + want.Name, Setting: "owner", Have: foreign, Want: owner, Foreign: foreign, Fixed: true}}, nil
			}
			now, err := info(ctx, a.client.Of(want.Name), want.Name)
			if err != nil {
				return nil, err
			}
			have, want.MaxBytes = now.Config, a.layout.Room.settled(want, now)
			return differences("stream "+want.Name, streamSettings(want), streamSettings(have)), nil
		},
		update: func(ctx context.Context) error {
			_, err := a.client.Of(want.Name).UpdateStream(ctx, adjusted(have, want))
			return err
		},
		create: func(ctx context.Context) error {
			if err := a.reserve(ctx); err != nil {
				return err
			}
			_, err := ensure(ctx, a.client.Of(want.Name), want)
			return err
		},
	}
}

func (a *Admin) consumerResource(want ConsumerConfig) resource {
	var have jetstream.ConsumerConfig
	return resource{
		name: "consumer " + want.Durable,
		differ: func(ctx context.Context) ([]Difference, error) {
			c, err := a.client.JetStream.Consumer(ctx, want.Stream, want.Durable)
			if err != nil {
				return nil, err
			}
			have = c.CachedInfo().Config
			return differences("consumer "+want.Durable, consumerSettings(want.ConsumerConfig), consumerSettings(have)), nil
		},
		update: func(ctx context.Context) error {
			c := want.ConsumerConfig
			c.PauseUntil = have.PauseUntil
			c.Replicas = have.Replicas
			c.DeliverPolicy = have.DeliverPolicy
			c.OptStartSeq = have.OptStartSeq
			c.OptStartTime = have.OptStartTime
			_, err := a.client.JetStream.UpdateConsumer(ctx, want.Stream, c)
			return err
		},
		create: func(ctx context.Context) error {
			_, err := a.client.JetStream.CreateConsumer(ctx, want.Stream, want.ConsumerConfig)
			return err
		},
	}
}

// Check returns the differences of the streams and consumers from the configuration. Check
// changes nothing. A missing limit by default is no difference, because the server may lack the room.
func (a *Admin) Check(ctx context.Context, w Wanted) ([]Difference, error) {
	checker := *a
	if !checker.layout.Room.Fixed {
		checker.layout.Room.Total = 0
	}
	return checker.compare(ctx, w, func(context.Context, resource, []Difference) error { return nil })
}

// Apply changes the streams and consumers to the configuration, and returns the differences.
// Messages and Fixed settings stay. A stream of the user's own is not changed.
func (a *Admin) Apply(ctx context.Context, w Wanted) ([]Difference, error) {
	all, err := a.compare(ctx, w, apply)
	for a.layout.Room.halve(err) {
		w.Streams = a.layout.Workers().Streams()
		more, again := a.compare(ctx, w, apply)
		all, err = append(all, more...), again
	}
	return all, err
}

// apply creates or changes a resource.
func apply(ctx context.Context, r resource, found []Difference) error {
	switch {
	case found[0].Missing():
		return r.create(ctx)
	case slices.ContainsFunc(found, func(d Difference) bool { return !d.Fixed }):
		return r.update(ctx)
	default:
		return nil
	}
}

// missing is the setting of a missing stream or consumer.
const missing = "is there"

// compare calls do with the differences of each resource, and returns all differences.
func (a *Admin) compare(ctx context.Context, w Wanted, do func(context.Context, resource, []Difference) error) (all []Difference, err error) {
	one := func(r resource) error {
		ctx, cancel := context.WithTimeout(ctx, 3*streams.CallTimeout)
		defer cancel()
		found, err := r.differ(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
			found, err = []Difference{{Of: r.name, Setting: missing, Have: "no", Want: "yes"}}, nil
		}
		if err == nil && len(found) > 0 {
			err = do(ctx, r, found)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, Explain(err))
		}
		all = append(all, found...)
		return nil
	}
	resources, err := a.resources(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, r := range resources {
		if err := one(r); err != nil {
			return all, err
		}
	}
	return all, nil
}
