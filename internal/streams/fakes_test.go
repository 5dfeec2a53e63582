package streams_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var errUnanswered = errors.New("no answer")

// unanswered loses the answer of the next publish, which the server stores.
type unanswered struct {
	jetstream.JetStream
	next bool
}

func (u *unanswered) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ack, err := u.JetStream.PublishMsg(ctx, m, opts...)
	if u.next {
		u.next = false
		return nil, errors.Join(err, errUnanswered)
	}
	return ack, err
}

// slowAnswers brings the answer of each publish late.
type slowAnswers struct {
	jetstream.JetStream
	sent time.Time // of the last publish
}

func (s *slowAnswers) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	s.sent = time.Now()
	ack, err := s.JetStream.PublishMsg(ctx, m, opts...)
	time.Sleep(100 * time.Millisecond)
	return ack, err
}

// silentStreams answers no question about a stream until the test lets it: asked is closed with the first.
type silentStreams struct {
	jetstream.JetStream
	once          sync.Once
	asked, answer chan struct{}
}

func (s *silentStreams) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	s.once.Do(func() { close(s.asked) })
	<-s.answer
	return s.JetStream.Stream(ctx, name)
}

// gated calls a function between the storing of a message and the return of its publish.
type gated struct {
	jetstream.JetStream
	stored func()
}

func (g *gated) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ack, err := g.JetStream.PublishMsg(ctx, m, opts...)
	g.stored()
	return ack, err
}

// skewed is a server whose clock differs, or fails to be read.
type skewed struct {
	jetstream.JetStream
	by  time.Duration
	err error
}

func (s *skewed) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := s.JetStream.Stream(ctx, name)
	return &skewedStream{stream, *s}, err
}

type skewedStream struct {
	jetstream.Stream
	skewed skewed
}

func (s *skewedStream) GetMsg(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	m, err := s.Stream.GetMsg(ctx, seq, opts...)
	if err == nil {
		m.Time = m.Time.Add(s.skewed.by)
	}
	return m, errors.Join(err, s.skewed.err)
}
