package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// codeStreamFull is the server's refusal of a message for a full stream.
const codeStreamFull jetstream.ErrorCode = 10077

// codeSealed is the server's refusal of a message for a sealed stream.
const codeSealed jetstream.ErrorCode = 10109

// Publish stores a message in a stream, and returns after the server's acknowledgement. A
// message with the Nats-Msg-Id of a message within the duplicate window is stored once.
// ErrStaleRevision reports another last sequence than the options expect.
func (c Client) Publish(ctx context.Context, stream string, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	m.Subject = c.Names.wire(m.Subject)
	ack, err := c.JetStream.PublishMsg(ctx, m, opts...)
	if err != nil {
		return nil, publishError(c.Names.Stream(stream), m.Subject, err)
	}
	return ack, nil
}

// Publication is a message without the server's acknowledgement yet.
type Publication struct {
	stream string
	ack    jetstream.PubAckFuture
}

// stallWait bounds the wait for the acknowledgements of other messages.
var stallWait = []jetstream.PublishOpt{jetstream.WithStallWait(CallTimeout)}

// PublishAsync publishes a message without waiting for the acknowledgement.
func (c Client) PublishAsync(stream string, m *nats.Msg, opts ...jetstream.PublishOpt) (Publication, error) {
	m.Subject = c.Names.wire(m.Subject)
	stream = c.Names.Stream(stream)
	if len(opts) == 0 {
		opts = stallWait
	} else {
		opts = append(opts, stallWait...)
	}
	ack, err := c.JetStream.PublishMsgAsync(m, opts...)
	if err != nil {
		return Publication{}, publishError(stream, m.Subject, err)
	}
	return Publication{stream, ack}, nil
}

// Wait waits for the server's acknowledgement, and returns the errors of Client.Publish.
func (p Publication) Wait(ctx context.Context) error {
	_, err := p.acknowledged(ctx)
	return err
}

// acknowledged waits for the server's acknowledgement, and returns the acknowledgement.
func (p Publication) acknowledged(ctx context.Context) (*jetstream.PubAck, error) {
	select {
	case ack := <-p.ack.Ok():
		return ack, nil
	default: // only now ask for the channel of errors, which nats.go makes
	}
	select {
	case ack := <-p.ack.Ok():
		return ack, nil
	case err := <-p.ack.Err():
		return nil, publishError(p.stream, p.ack.Msg().Subject, err)
	case <-ctx.Done():
		return nil, publishError(p.stream, p.ack.Msg().Subject, ctx.Err())
	}
}

// publishEvent stores an event on a subject. Reports whether the event is new.
func (c Client) publishEvent(ctx context.Context, stream, subject string, e events.Event) (isNew bool, err error) {
	m, err := eventMessage(subject, e)
	if err != nil {
		return false, err
	}
	ack, err := c.Publish(ctx, stream, m)
	return err == nil && !ack.Duplicate, err
}

func eventMessage(subject string, e events.Event) (*nats.Msg, error) {
	header, payload, err := events.ToNATS(e)
	if err != nil {
		return nil, fmt.Errorf("write event: %w", err)
	}
	return &nats.Msg{Subject: subject, Header: header, Data: payload}, nil
}

// publishError returns the error of a message that was not stored, with advice.
func publishError(stream, subject string, err error) error {
	err = fmt.Errorf("publish on %s: %w", subject, err)
	api, refused := errors.AsType[*jetstream.APIError](err)
	full := refused && api.ErrorCode == codeStreamFull
	switch {
	case refused && api.ErrorCode == codeSealed:
		return fmt.Errorf("%w; the stream %s is sealed, and never takes a message again: copy the messages that are still needed, delete it, and run usher nats apply", err, stream)
	case isConflict(err):
		return fmt.Errorf("%w: %w", ErrStaleRevision, err)
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w; is the stream %s there? usher serve makes its streams when it starts", err, stream)
	case full && strings.HasSuffix(stream, ResultsStream):
		return fmt.Errorf("%w; the stream %s is full: raise its limits (nats stream edit %s), or remove old messages (nats stream purge %s --keep N)", err, stream, stream, stream)
	case full: // the messages are still needed
		return fmt.Errorf("%w; the stream %s is full: raise its limits (nats stream edit %s)", err, stream, stream)
	default:
		return err
	}
}
