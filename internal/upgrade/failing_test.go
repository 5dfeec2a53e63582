package upgrade_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var errInterrupted = errors.New("interrupted")

// failing fails one change and all later changes, like a killed process.
type failing struct {
	jetstream.JetStream
	at    int  // number of the first failing change; negative: none
	after bool // whether the server applied the failing change
	calls int
}

func name(n int, after bool) string {
	if after {
		return fmt.Sprint("after change ", n)
	}
	return fmt.Sprint("before change ", n)
}

func (f *failing) change(do func() error) error {
	n := f.calls
	f.calls++
	switch {
	case f.at < 0 || n < f.at:
		return do()
	case n == f.at && f.after:
		return errors.Join(do(), errInterrupted)
	}
	return errInterrupted
}

func (f *failing) CreateStream(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	err = f.change(func() (err error) { s, err = f.JetStream.CreateStream(ctx, c); return err })
	return s, err
}

func (f *failing) UpdateStream(ctx context.Context, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	err = f.change(func() (err error) { s, err = f.JetStream.UpdateStream(ctx, c); return err })
	return s, err
}

func (f *failing) DeleteStream(ctx context.Context, name string) error {
	return f.change(func() error { return f.JetStream.DeleteStream(ctx, name) })
}

func (f *failing) CreateConsumer(ctx context.Context, stream string, c jetstream.ConsumerConfig) (x jetstream.Consumer, err error) {
	err = f.change(func() (err error) { x, err = f.JetStream.CreateConsumer(ctx, stream, c); return err })
	return x, err
}

func (f *failing) DeleteConsumer(ctx context.Context, stream, name string) error {
	return f.change(func() error { return f.JetStream.DeleteConsumer(ctx, stream, name) })
}

func (f *failing) ResumeConsumer(ctx context.Context, stream, name string) (r *jetstream.ConsumerPauseResponse, err error) {
	err = f.change(func() (err error) { r, err = f.JetStream.ResumeConsumer(ctx, stream, name); return err })
	return r, err
}

func (f *failing) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (ack *jetstream.PubAck, err error) {
	err = f.change(func() (err error) { ack, err = f.JetStream.PublishMsg(ctx, m, opts...); return err })
	return ack, err
}

func (f *failing) KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	kv, err := f.JetStream.KeyValue(ctx, bucket)
	return failingBucket{kv, f}, err
}

type failingBucket struct {
	jetstream.KeyValue
	f *failing
}

func (b failingBucket) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (revision uint64, err error) {
	err = b.f.change(func() (err error) { revision, err = b.KeyValue.Create(ctx, key, value, opts...); return err })
	return revision, err
}
