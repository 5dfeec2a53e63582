package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// Difference is one setting of a stream or a consumer that is not as the
// configuration says.
type Difference struct {
	Of      string `json:"of"`      // "stream RESULTS", "consumer usher-lead-lifecycle"
	Setting string `json:"setting"` // "is there" where it is missing as a whole
	Have    string `json:"have"`
	Want    string `json:"want"`
	Fixed   bool   `json:"fixed"` // the server cannot change it: the stream has to be made anew
}

// String says it in words.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s is %s, the configuration says %s", d.Of, d.Setting, d.Have, d.Want)
}

// Missing tells whether the whole is not there.
func (d Difference) Missing() bool { return d.Setting == missing }

// ConsumerConfig is a durable consumer of a stream.
type ConsumerConfig struct {
	Stream string
	jetstream.ConsumerConfig
}

// Wanted names the streams and consumers to compare besides those of the layout.
type Wanted struct {
	Streams   []jetstream.StreamConfig
	Consumers []ConsumerConfig
}

// resource is a stream or a consumer that ought to be there.
type resource struct {
	name   string
	differ func(ctx context.Context) ([]Difference, error)
	update func(ctx context.Context) error // makes what is there as it ought to be
	create func(ctx context.Context) error
}

// resources lists the streams, the buckets, and the consumers.
func (b *Bus) resources(w Wanted) []resource {
	var list []resource
	for _, want := range append(b.layout.streams(), w.Streams...) {
		list = append(list, b.streamResource(want))
	}
	for _, want := range w.Consumers {
		list = append(list, b.consumerResource(want))
	}
	return list
}

func (b *Bus) streamResource(want jetstream.StreamConfig) resource {
	var have jetstream.StreamConfig
	return resource{
		name: "stream " + want.Name,
		differ: func(ctx context.Context) (found []Difference, err error) {
			have, err = info(ctx, b.js, want.Name)
			return differences("stream "+want.Name, streamFacts(want), streamFacts(have)), err
		},
		update: func(ctx context.Context) error {
			_, err := b.js.UpdateStream(ctx, adjusted(have, want))
			return err
		},
		create: func(ctx context.Context) error { return ensure(ctx, b.js, want) },
	}
}

func (b *Bus) consumerResource(want ConsumerConfig) resource {
	var have jetstream.ConsumerConfig
	return resource{
		name: "consumer " + want.Durable,
		differ: func(ctx context.Context) ([]Difference, error) {
			c, err := b.js.Consumer(ctx, want.Stream, want.Durable)
			if err != nil {
				return nil, err
			}
			have = c.CachedInfo().Config
			return differences("consumer "+want.Durable, consumerFacts(want.ConsumerConfig), consumerFacts(have)), nil
		},
		update: func(ctx context.Context) error {
			c := want.ConsumerConfig
			c.PauseUntil, c.Replicas, c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = have.PauseUntil, have.Replicas, have.DeliverPolicy, have.OptStartSeq, have.OptStartTime
			_, err := b.js.UpdateConsumer(ctx, want.Stream, c)
			return err
		},
		create: func(ctx context.Context) error {
			_, err := b.js.CreateConsumer(ctx, want.Stream, want.ConsumerConfig)
			return err
		},
	}
}

// Check returns how the streams and consumers differ from the configuration. Nothing is changed.
func (b *Bus) Check(ctx context.Context, w Wanted) ([]Difference, error) {
	return b.each(ctx, w, func(context.Context, resource, []Difference) error { return nil })
}

// Apply makes the streams and consumers as the configuration says, and returns how they
// differed. Messages stay. Settings that are Fixed stay as they are. A stream of the user's
// own is not touched.
func (b *Bus) Apply(ctx context.Context, w Wanted) ([]Difference, error) {
	return b.each(ctx, w, func(ctx context.Context, r resource, found []Difference) error {
		switch {
		case found[0].Missing():
			return r.create(ctx)
		case slices.ContainsFunc(found, func(d Difference) bool { return !d.Fixed }):
			return r.update(ctx)
		default:
			return nil
		}
	})
}

// missing is the setting of what is not there.
const missing = "is there"

// each calls do with the differences of each resource, and returns all of them.
func (b *Bus) each(ctx context.Context, w Wanted, do func(context.Context, resource, []Difference) error) (all []Difference, err error) {
	one := func(r resource) error {
		ctx, cancel := context.WithTimeout(ctx, 3*CallTimeout)
		defer cancel()
		found, err := r.differ(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
			found, err = []Difference{{Of: r.name, Setting: missing, Have: "no", Want: "yes"}}, nil
		}
		if err == nil && len(found) > 0 {
			err = do(ctx, r, found)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, Explained(err))
		}
		all = append(all, found...)
		return nil
	}
	for _, r := range b.resources(w) {
		if err := one(r); err != nil {
			return all, err
		}
	}
	return all, nil
}

// fact is a setting that matters to us.
type fact struct {
	name  string
	value any
	kind  factKind
}

// factKind says how a setting is compared.
type factKind int

const (
	plain    factKind = iota
	fixed             // the server cannot change it
	optional          // a zero value in the configuration leaves the choice to the server
)

func differences(of string, want, have []fact) (found []Difference) {
	for i, w := range want {
		if w.kind == optional && reflect.ValueOf(w.value).IsZero() {
			continue
		}
		if have, want := fmt.Sprint(have[i].value), fmt.Sprint(w.value); have != want {
			found = append(found, Difference{Of: of, Setting: w.name, Have: have, Want: want, Fixed: w.kind == fixed})
		}
	}
	return found
}

func streamFacts(c jetstream.StreamConfig) []fact {
	return []fact{
		{"subjects", sorted(c.Subjects), plain},
		{"retention", c.Retention, fixed},
		{"storage", c.Storage, fixed},
		{"replicas", c.Replicas, plain},
		{"discard", c.Discard, plain},
		{"max_age", c.MaxAge, plain},
		{"max_bytes", cmp.Or(c.MaxBytes, -1), plain},
		{"max_msgs_per_subject", cmp.Or(c.MaxMsgsPerSubject, -1), plain},
		{"duplicate_window", c.Duplicates, optional},
		{"allow_direct", c.AllowDirect, plain},
		{"allow_rollup_hdrs", c.AllowRollup, optional},
		{"allow_msg_schedules", c.AllowMsgSchedules, optional},
		{"allow_msg_ttl", c.AllowMsgTTL, optional},
		{"subject_delete_marker_ttl", c.SubjectDeleteMarkerTTL, optional},
	}
}

// adjusted returns have with our settings of want.
func adjusted(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	have.Subjects, have.Replicas, have.Discard, have.AllowDirect = want.Subjects, want.Replicas, want.Discard, want.AllowDirect
	have.MaxAge, have.MaxBytes, have.MaxMsgsPerSubject = want.MaxAge, cmp.Or(want.MaxBytes, -1), want.MaxMsgsPerSubject
	have.Duplicates = cmp.Or(want.Duplicates, have.Duplicates)
	have.AllowRollup = have.AllowRollup || want.AllowRollup
	have.AllowMsgSchedules = have.AllowMsgSchedules || want.AllowMsgSchedules
	have.AllowMsgTTL = have.AllowMsgTTL || want.AllowMsgTTL
	have.SubjectDeleteMarkerTTL = cmp.Or(want.SubjectDeleteMarkerTTL, have.SubjectDeleteMarkerTTL)
	return have
}

func consumerFacts(c jetstream.ConsumerConfig) []fact {
	return []fact{
		{"subjects", sorted(filters(c)), plain},
		{"ack_policy", c.AckPolicy, fixed},
		{"ack_wait", c.AckWait, optional},
		{"max_deliver", c.MaxDeliver, optional},
		{"max_ack_pending", c.MaxAckPending, optional},
		{"priority_policy", int(c.PriorityPolicy), fixed},
		{"max_expires", c.MaxRequestExpires, optional},
	}
}

// filters are the subjects of a consumer: the server keeps one by itself.
func filters(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
