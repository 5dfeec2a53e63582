package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/tools/process"
)

// publishAll publishes all events as fast as possible.
func (s *env) publishAll(ctx context.Context) error {
	for range s.plan.Events {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.publish(); err != nil {
			return err
		}
	}
	return s.confirmed(ctx)
}

// publishPaced publishes the events at the plan's rate, after the result of a first event.
func (s *env) publishPaced(ctx context.Context) error {
	if err := s.publish(); err != nil {
		return err
	}
	first := process.Wait{For: "the first event has a result", Limit: s.config.patience()}
	err := first.Until(ctx, func() bool {
		have, err := s.stored(ctx)
		return err == nil && have > 0
	})
	if err != nil {
		return err
	}
	span := time.Second / time.Duration(s.plan.Rate)
	begun := time.Now()
	for i := range s.plan.Events - 1 {
		if !process.Sleep(ctx, time.Until(begun.Add(time.Duration(i)*span))) {
			return ctx.Err()
		}
		if err := s.publish(); err != nil {
			return err
		}
	}
	return s.confirmed(ctx)
}

// publish publishes the next event without waiting for the server; confirmed waits.
func (s *env) publish() error {
	now := time.Now()
	e, err := s.plan.Load.event(s.published, now)
	if err != nil {
		return err
	}
	return s.send(e, now)
}

// send publishes an event without waiting for the server.
func (s *env) send(e events.Event, now time.Time) error {
	header, payload, err := events.ToNATS(e)
	if err != nil {
		return err
	}
	s.published++
	s.sent = append(s.sent, now)
	m := &nats.Msg{Subject: e.Type(), Header: header, Data: payload}
	if _, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(30*time.Second)); err != nil {
		return fmt.Errorf("publish %s: %w", e.ID(), err)
	}
	return nil
}

// confirmed waits until the server has stored all published events.
func (s *env) confirmed(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.js.PublishAsyncComplete():
	}
	stream, err := s.js.Stream(ctx, bus.EventsStream)
	if err != nil {
		return err
	}
	if have := stream.CachedInfo().State.Msgs; have != uint64(s.published) {
		return fmt.Errorf("the server stored %d of %d published events: the load is incomplete, so measure again", have, s.published)
	}
	return nil
}
