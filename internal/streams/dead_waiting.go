package streams

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// ReplayWaiting sends the dead letter of an effect back to the vendor, once the prerequisite of the
// effect has come. A dead letter without a payload stays, and so does a dead letter with an earlier
// replay, by a person or by ReplayWaiting. Reports whether the dead letter was sent.
func (l *DeadLetters) ReplayWaiting(ctx context.Context, vendor, kind, key string) (sent bool, err error) {
	d, err := l.Get(ctx, vendor, kind, key)
	switch {
	case errors.Is(err, ErrNoDeadLetter):
		return false, nil
	case err != nil:
		return false, err
	case d.Replay > 0 || d.Replaying > 0:
		return false, nil
	}
	if d.Omitted > 0 {
		if err := l.restore(ctx, &d); err != nil {
			return false, err
		}
	}
	if d.Omitted > 0 {
		return false, nil
	}
	m := d.automatic()
	if _, err := l.client.Publish(ctx, ReplaysStream, m); err != nil {
		return false, err
	}
	return true, l.mark(ctx, d)
}

// automatic returns the replay by ReplayWaiting.
func (d DeadLetter) automatic() *nats.Msg {
	m := d.replay()
	m.Header.Set(headerCause, causeAccount)
	return m
}

// AsAutomaticReplay returns the subject and the headers of the replay by ReplayWaiting.
func (d DeadLetter) AsAutomaticReplay() (subject string, header map[string][]string) {
	m := d.automatic()
	return m.Subject, m.Header
}
