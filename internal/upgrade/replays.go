package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// formerReplays is the work queue of the former version. The stream of replays has
	// another name: a late deletion can only hit the work queue, and the former version does
	// not start beside a stream with the same subjects.
	formerReplays = "REPLAYS"
	// replaySubject begins the subjects of replays. During the copy the stream of replays has
	// movedSubject instead, so that no new replay comes between the copies.
	replaySubject = "usher.replay."
	movedSubject  = "usher.moved."
	// closedSubject is the subject of the closed work queue, without any publisher.
	closedSubject = "usher.closed.replay"
	// headerFormerSeq contains the sequence of a replay in the work queue.
	headerFormerSeq = "Usher-Former-Seq"
)

// moveReplays moves the replays from the work queue to the stream of replays. The subjects of
// both streams determine the next step:
//
//	work queue   replays    next step
//	replay.>     -          create the stream of replays
//	replay.>     moved.>    close the work queue
//	closed       moved.>    copy missing replays, open the stream of replays
//	closed       replay.>   delete the work queue
func (u *run) moveReplays(ctx context.Context, queue jetstream.Stream) error {
	replays, err := u.stream(ctx, u.Replays.Name)
	if err != nil {
		return err
	}
	if replays == nil {
		if replays, err = u.createReplays(ctx); err != nil {
			return err
		}
	}
	if replays.CachedInfo().Config.SubjectTransform != nil {
		if err := u.closeQueue(ctx, queue.CachedInfo().Config); err != nil {
			return err
		}
		if err := u.copyReplays(ctx, queue, replays.CachedInfo().State.LastSeq); err != nil {
			return err
		}
		if err := u.openReplays(ctx, replays.CachedInfo().Config); err != nil {
			return err
		}
	}
	limited, cancel := u.call(ctx)
	defer cancel()
	if err := u.js.DeleteStream(limited, formerReplays); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("delete %s: %w", formerReplays, err)
	}
	return nil
}

// closeQueue removes the subjects of replays from the work queue.
func (u *run) closeQueue(ctx context.Context, c jetstream.StreamConfig) error {
	ctx, cancel := u.call(ctx)
	defer cancel()
	c.Subjects = []string{closedSubject}
	if _, err := u.js.UpdateStream(ctx, c); err != nil {
		return fmt.Errorf("close %s: %w", formerReplays, err)
	}
	return nil
}

// createReplays creates the stream of replays, open only for copies.
func (u *run) createReplays(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	c := u.Replays
	c.Subjects = []string{movedSubject + ">"}
	c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: movedSubject + ">", Destination: replaySubject + ">"}
	s, err := u.js.CreateStream(ctx, c)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
		s, err = u.js.Stream(ctx, c.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", c.Name, err)
	}
	return s, nil
}

// copyReplays copies the remaining messages in order. last is the last sequence of the stream of
// replays. Of two processes that copy at once, one gets a conflict.
func (u *run) copyReplays(ctx context.Context, queue jetstream.Stream, last uint64) error {
	seq, err := u.lastCopied(ctx, last)
	if err != nil {
		return err
	}
	for {
		m, err := u.next(ctx, queue, seq+1)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", formerReplays, err)
		}
		if last, err = u.copyOne(ctx, m, last); err != nil {
			return fmt.Errorf("copy message %d: %w", m.Sequence, err)
		}
		seq = m.Sequence
	}
}

// lastCopied returns the sequence in the work queue of the last copied message.
func (u *run) lastCopied(ctx context.Context, last uint64) (uint64, error) {
	if last == 0 {
		return 0, nil
	}
	stream, err := u.stream(ctx, u.Replays.Name)
	if err != nil || stream == nil {
		return 0, errors.Join(err, errors.New("the stream of replays was deleted meanwhile"))
	}
	ctx, cancel := u.call(ctx)
	defer cancel()
	m, err := stream.GetMsg(ctx, last)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(m.Header.Get(headerFormerSeq), 10, 64)
}

// next returns the first message of the work queue at or after a sequence.
func (u *run) next(ctx context.Context, queue jetstream.Stream, from uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	return queue.GetMsg(ctx, from, jetstream.WithGetMsgSubject(replaySubject+">"))
}

// copyOne appends a copy of a message after sequence last, and returns the sequence of the copy.
func (u *run) copyOne(ctx context.Context, m *jetstream.RawStreamMsg, last uint64) (uint64, error) {
	ctx, cancel := u.call(ctx)
	defer cancel()
	header := nats.Header{headerFormerSeq: {strconv.FormatUint(m.Sequence, 10)}}
	for name, values := range m.Header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") {
			header[name] = values
		}
	}
	subject := movedSubject + strings.TrimPrefix(m.Subject, replaySubject)
	ack, err := u.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Header: header, Data: m.Data}, jetstream.WithExpectLastSequence(last))
	if err != nil {
		return last, err
	}
	return ack.Sequence, nil
}

// openReplays gives the stream of replays the subjects of replays.
func (u *run) openReplays(ctx context.Context, have jetstream.StreamConfig) error {
	ctx, cancel := u.call(ctx)
	defer cancel()
	have.Subjects, have.SubjectTransform = u.Replays.Subjects, nil
	if _, err := u.js.UpdateStream(ctx, have); err != nil {
		return fmt.Errorf("open %s: %w", u.Replays.Name, err)
	}
	return nil
}
