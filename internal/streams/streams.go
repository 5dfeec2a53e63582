// Package streams holds a small type for each JetStream stream, bucket and consumer of the
// mailbox core: leases, ownership, timers and wakes, the event reader, the lag consumer
// and compare-and-set records. The package knows messages and subjects, never their meaning.
//
// Every call to JetStream has a timeout of its own. A timed-out call may have been applied.
package streams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// CallTimeout is the default of Client.Timeout.
const CallTimeout = 5 * time.Second

// Errors for callers to branch on.
var (
	// ErrConflict reports another revision at a compare-and-set.
	ErrConflict = errors.New("written by another process since it was read")
	// ErrGone reports an event that is no longer in the stream, or a stream made anew.
	ErrGone = errors.New("no longer in the stream")
	// ErrNoStream reports a stream or a bucket that does not exist; see Ensure.
	ErrNoStream = errors.New("no such stream")
	// ErrHeld reports a lease of another holder.
	ErrHeld = errors.New("held by another process")
	// ErrLost reports a lease that ran out, was released, or passed to another holder.
	ErrLost = errors.New("lease lost")
	// ErrNewerOwner reports a consumer with a higher fencing token.
	ErrNewerOwner = errors.New("a newer owner exists")
	// ErrTooLarge reports a value beyond the limit of the server or of the bucket.
	ErrTooLarge = errors.New("value too large")
)

// Names are the streams, the buckets and the subjects. An empty field has the default.
type Names struct {
	Timers    string // stream of timers and wakes: TIMERS
	Leases    string // stream of leases: LEASES
	Ownership string // key-value bucket of ownership: OWNERSHIP
	Index     string // key-value bucket of the index of accounts: ACCOUNT_INDEX

	TimerSubject string // prefix of the subjects of timers: usher.timer
	WakeSubject  string // prefix of the subjects of wakes: usher.wake
	LeaseSubject string // prefix of the subjects of leases: usher.lease

	// ConsumerPrefix begins the names of the consumers on the stream of events: usher-.
	ConsumerPrefix string
}

// withDefaults returns the names with every empty field filled.
func (n Names) withDefaults() Names {
	return Names{
		Timers: cmp.Or(n.Timers, "TIMERS"), Leases: cmp.Or(n.Leases, "LEASES"), Ownership: cmp.Or(n.Ownership, "OWNERSHIP"),
		Index:        cmp.Or(n.Index, "ACCOUNT_INDEX"),
		TimerSubject: cmp.Or(n.TimerSubject, "usher.timer"), WakeSubject: cmp.Or(n.WakeSubject, "usher.wake"),
		LeaseSubject: cmp.Or(n.LeaseSubject, "usher.lease"), ConsumerPrefix: cmp.Or(n.ConsumerPrefix, "usher-"),
	}
}

// Client is the access to JetStream shared by all types of the package.
type Client struct {
	JetStream jetstream.JetStream
	Names     Names         // the zero value has the defaults
	Timeout   time.Duration // of each call to JetStream; zero: CallTimeout
}

func (c Client) timeout() time.Duration { return cmp.Or(c.Timeout, CallTimeout) }

// call returns the context of a single call to JetStream.
func (c Client) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout())
}

// cleanupTimeout is the longest time of a call that only tidies up: the end of a process waits for
// it, perhaps while NATS is away.
const cleanupTimeout = 2 * time.Second

// cleanup returns the context of a call to make even after the end of ctx.
func (c Client) cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(c.timeout(), cleanupTimeout))
}

// stream opens a stream. The handle stays usable when the stream is deleted and made anew.
func (c Client) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	stream, err := c.JetStream.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("stream %s: %w: %w", name, ErrNoStream, err)
	case err != nil:
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream, nil
}

// info returns the current state of a stream, from the leader.
func (c Client) info(ctx context.Context, stream jetstream.Stream) (*jetstream.StreamInfo, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	return stream.Info(ctx)
}

// last returns the last message of a subject, or nil if there is none.
func (c Client) last(ctx context.Context, stream jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	m, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return m, err
}

// isConflict reports whether the last sequence differed from the expected sequence.
// Replicated streams answer with another code.
func isConflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// checkToken returns an error unless s can be a token of a subject and a part of the name of
// a consumer.
func checkToken(what, s string) error {
	if s == "" || strings.ContainsAny(s, ".*>/\\ \t\r\n") {
		return fmt.Errorf("%s %q cannot be a token of a subject", what, s)
	}
	return nil
}
