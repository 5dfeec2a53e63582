package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// thing is a stream or a consumer that ought to be there.
type thing struct {
	name   string
	differ func(ctx context.Context) ([]Difference, error)
	update func(ctx context.Context) error // makes what is there as it ought to be
	create func(ctx context.Context) error
}

// things lists the streams, the buckets, and the lanes' consumers.
func (b *Bus) things(lanes []LaneConfig) []thing {
	var list []thing
	for _, want := range b.layout.streams() {
		var have jetstream.StreamConfig
		list = append(list, thing{
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
		})
	}
	for _, lane := range lanes {
		want := lane.settings()
		var have jetstream.ConsumerConfig
		list = append(list, thing{
			name: "consumer " + lane.Name,
			differ: func(ctx context.Context) ([]Difference, error) {
				c, err := b.js.Consumer(ctx, lane.Stream, lane.Name)
				if err != nil {
					return nil, err
				}
				have = c.CachedInfo().Config
				return differences("consumer "+lane.Name, consumerFacts(want), consumerFacts(have)), nil
			},
			update: func(ctx context.Context) error {
				want.PauseUntil, want.Replicas, want.DeliverPolicy, want.OptStartSeq, want.OptStartTime = have.PauseUntil, have.Replicas, have.DeliverPolicy, have.OptStartSeq, have.OptStartTime
				_, err := b.js.UpdateConsumer(ctx, lane.Stream, want)
				return err
			},
			create: func(ctx context.Context) error {
				_, err := b.js.CreateConsumer(ctx, lane.Stream, want)
				return err
			},
		})
	}
	return list
}

// Check says how the streams and the consumers of lanes differ from the
// configuration. It changes nothing.
func (b *Bus) Check(ctx context.Context, lanes []LaneConfig) ([]Difference, error) {
	return b.each(ctx, lanes, func(context.Context, thing, []Difference) error { return nil })
}

// Apply makes the streams and the consumers of lanes as the configuration says,
// and returns how they differed. Messages stay, and so do pauses. What is Fixed
// stays as it is. A stream of the user's own is not touched.
func (b *Bus) Apply(ctx context.Context, lanes []LaneConfig) ([]Difference, error) {
	return b.each(ctx, lanes, func(ctx context.Context, t thing, found []Difference) error {
		switch {
		case found[0].Missing():
			return t.create(ctx)
		case slices.ContainsFunc(found, func(d Difference) bool { return !d.Fixed }):
			return t.update(ctx)
		default:
			return nil
		}
	})
}

// missing is the setting of what is not there.
const missing = "is there"

// each calls do with the differences of each thing, and returns all of them.
func (b *Bus) each(ctx context.Context, lanes []LaneConfig, do func(context.Context, thing, []Difference) error) (all []Difference, err error) {
	one := func(t thing) error {
		ctx, cancel := context.WithTimeout(ctx, 3*CallTimeout)
		defer cancel()
		found, err := t.differ(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
			found, err = []Difference{{Of: t.name, Setting: missing, Have: "no", Want: "yes"}}, nil
		}
		if err == nil && len(found) > 0 {
			err = do(ctx, t, found)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, explained(err))
		}
		all = append(all, found...)
		return nil
	}
	for _, t := range b.things(lanes) {
		if err := one(t); err != nil {
			return all, err
		}
	}
	return all, nil
}

// fact is a setting that matters to us.
type fact struct {
	name  string
	value any
	fixed bool
}

func differences(of string, want, have []fact) (found []Difference) {
	for i, w := range want {
		if have, want := fmt.Sprint(have[i].value), fmt.Sprint(w.value); have != want {
			found = append(found, Difference{Of: of, Setting: w.name, Have: have, Want: want, Fixed: w.fixed})
		}
	}
	return found
}

func streamFacts(c jetstream.StreamConfig) []fact {
	return []fact{
		{"subjects", sorted(c.Subjects), false},
		{"retention", c.Retention, true},
		{"storage", c.Storage, true},
		{"replicas", c.Replicas, false},
		{"discard", c.Discard, false},
		{"max_age", c.MaxAge, false},
		{"max_bytes", c.MaxBytes, false},
		{"max_msgs_per_subject", cmp.Or(c.MaxMsgsPerSubject, -1), false},
		{"duplicate_window", c.Duplicates, false},
		{"allow_direct", c.AllowDirect, false},
	}
}

// adjusted is have with our settings of want.
func adjusted(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	have.Subjects, have.Replicas, have.Discard, have.AllowDirect = want.Subjects, want.Replicas, want.Discard, want.AllowDirect
	have.MaxAge, have.MaxBytes, have.MaxMsgsPerSubject, have.Duplicates = want.MaxAge, want.MaxBytes, want.MaxMsgsPerSubject, want.Duplicates
	return have
}

func consumerFacts(c jetstream.ConsumerConfig) []fact {
	return []fact{
		{"subjects", sorted(filters(c)), false},
		{"ack_policy", c.AckPolicy, true},
		{"ack_wait", c.AckWait, false},
		{"max_deliver", c.MaxDeliver, false},
		{"max_ack_pending", c.MaxAckPending, false},
		{"priority_policy", int(c.PriorityPolicy), true},
		{"pinned_ttl", c.PinnedTTL, false},
		{"max_expires", c.MaxRequestExpires, false},
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
