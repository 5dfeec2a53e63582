package intake_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/intake"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
)

// resend stores a message in the stream of replays.
func (s *server) resend(subject string, header map[string][]string, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storeReplay(subject, header, payload)
}

// storeReplay is resend for a caller that holds the lock.
func (s *server) storeReplay(subject string, header map[string][]string, payload []byte) {
	s.lastReplay++
	m := mailbox.Message{
		Stream: streams.ReplaysStream, Position: events.Position{Seq: s.lastReplay},
		Subject: subject, Header: header, Payload: payload, Stored: time.Now(),
	}
	if r, ok := streams.ReadReplayHeader(header); ok {
		m.Position = events.Position{Epoch: r.Epoch, Seq: r.Seq}
		s.resent[replayID{r.Key, r.Number}] = true
	}
	s.replays[s.lastReplay] = m
}

// replayID names a replay of an event.
type replayID struct {
	Key    string
	Number int
}

// replaysLeft returns the sequences of the replays that are stored.
func (s *server) replaysLeft() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.replays))
}

// replaysSent returns the number of replays that were sent.
func (s *server) replaysSent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.resent)
}

// replays is the stream of replays as one process reaches it.
type replays struct{ connection }

func (s replays) Get(_ context.Context, seq uint64) (m mailbox.Message, err error) {
	err = s.ask(func() error {
		var ok bool
		if m, ok = s.replays[seq]; !ok {
			return mailbox.ErrGone
		}
		return nil
	})
	return m, err
}

func (s replays) Remove(_ context.Context, seq uint64) error {
	return s.ask(func() error {
		delete(s.replays, seq)
		return nil
	})
}

// replayReader reads the stream of replays.
type replayReader struct {
	connection
	next uint64
}

func (c connection) readReplays(_ context.Context, _ uint64, from events.Position) (intake.Replays, error) {
	return &replayReader{connection: c, next: from.Seq + 1}, c.ask(func() error { return nil })
}

func (r *replayReader) Next(ctx context.Context, limit int) (list []intake.Replay, err error) {
	err = r.poll(ctx, 20*time.Millisecond, func() (bool, error) {
		for _, seq := range slices.Sorted(maps.Keys(r.replays)) {
			if seq >= r.next && len(list) < limit {
				list = append(list, intake.Replay{Position: events.Position{Epoch: 2, Seq: seq}, Message: r.replays[seq]})
			}
		}
		return len(list) > 0, nil
	})
	if err != nil {
		return nil, err // lost on the way: they are read again
	}
	if len(list) > 0 {
		last := list[len(list)-1].Position.Seq
		r.next = last + 1
		r.note(last)
	}
	return list, ctx.Err()
}

// note keeps the highest sequence that was read.
func (s *server) note(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaysRead = max(s.replaysRead, seq)
}

func (r *replayReader) Close(context.Context) {}
