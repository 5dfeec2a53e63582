package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// returnsRetry is the time until a further try to send dead letters back. The try may fail for want of
// a right in NATS, so the mailbox does not wait for it.
const returnsRetry = 5 * time.Minute

// sendReturns sends the dead letters back that waited for the account of the user, once the account has
// come. A death in between repeats the step: a dead letter that was sent is not sent again. The first
// error ends the step, and puts the letter behind the others.
func (t *turn) sendReturns(ctx context.Context) error {
	r := t.user.stored.record
	if !r.HasReturns() {
		return nil
	}
	names := slices.Clone(r.Missed)
	sent, failure := t.replayEach(ctx, names)
	err := t.revise(ctx, t.user, func(r *record.Record) error {
		r.RemoveMissed(names[:sent])
		if failure != nil {
			r.PostponeMissed(names[sent])
		}
		return nil
	})
	if err != nil {
		return err
	}
	return failure
}

// replayEach sends dead letters back until an error, and returns the number of letters that need no
// further try.
func (t *turn) replayEach(ctx context.Context, names []string) (n int, err error) {
	for i, name := range names {
		at := strings.LastIndexByte(name, '.')
		kind, key := name[:at], name[at+1:]
		sent, err := t.deps.DeadLetters.ReplayWaiting(ctx, t.vendor.Name, kind, key)
		if err != nil {
			return i, fmt.Errorf("send a dead letter back: %w", err)
		}
		if sent {
			t.deps.Log.Info().Str("vendor", t.vendor.Name).Str("type", kind).Str("key", key).Msg("a dead letter is sent back: the account has come")
		}
	}
	return len(names), nil
}
