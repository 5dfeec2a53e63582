// Package streams holds a small type for each JetStream stream, bucket and consumer: events,
// results, dead letters, replays, the audit log, holds and pauses of vendors, leases,
// ownership, timers and wakes, the lag consumer and compare-and-set records. Client.Messages
// reads a stream, and Client.Publish stores a message. Package admin creates the streams.
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

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// CallTimeout is the default of Client.Timeout. A request in flight during the death of a server
// gets no answer, so each call has a timeout of its own.
const CallTimeout = 5 * time.Second

// The streams and buckets with fixed names (docs/design.md, section 4).
const (
	EventsStream      = "EVENTS" // unless the user has a stream of events already
	ResultsStream     = "RESULTS"
	ReplaysStream     = "OPEN_REPLAYS"
	DeadLettersStream = "DEADLETTERS"
	AuditStream       = "AUDIT"
	HistoryStream     = "HISTORY"
	AccountsBucket    = "ACCOUNTS"
	EffectsBucket     = "EFFECTS"
	ActivityBucket    = "ACTIVITY_INDEX"
	ProfilesBucket    = "PROFILES"
	EmailsBucket      = "EMAILS"
	ControlBucket     = "CONTROL"
)

// Errors for callers to branch on.
var (
	// ErrStaleRevision reports another revision at a compare-and-set, or a dead letter that was
	// replayed, removed or replaced since the caller read the letter.
	ErrStaleRevision = errors.New("it has changed since it was read")
	// ErrGone reports an event that is no longer in the stream, or a stream made anew.
	ErrGone = errors.New("no longer in the stream")
	// ErrNoDeadLetter reports a dead letter that does not exist.
	ErrNoDeadLetter = errors.New("no such dead letter")
	// ErrNoConsumer reports a durable consumer that does not exist: no process has served the
	// vendor yet.
	ErrNoConsumer = errors.New("no such consumer")
	// ErrNoStream reports a stream or a bucket that does not exist; see Ensure.
	ErrNoStream = errors.New("no such stream")
	// ErrHeld reports a lease of another holder.
	ErrHeld = errors.New("held by another process")
	// ErrLost reports a lease that ran out, was released, or passed to another holder.
	ErrLost = errors.New("lease lost")
	// ErrNewerOwner reports a consumer with a higher fencing token.
	ErrNewerOwner = errors.New("a newer owner exists")
	// ErrDigestKept reports a delivery whose dead letter has a digest instead of the payload.
	ErrDigestKept = errors.New("too large to be kept: only its size and digest are")
	// ErrTooLarge reports a value beyond the limit of the server or of the bucket.
	ErrTooLarge = errors.New("larger than NATS takes (max_payload)")
)

// Client is the access to JetStream shared by all types of the package.
type Client struct {
	JetStream jetstream.JetStream
	Names     Names         // the zero value has the defaults
	Timeout   time.Duration // of each call to JetStream; zero: CallTimeout

	audit jetstream.JetStream // of the stream AUDIT; nil: JetStream
}

// Of returns the JetStream with a stream, by the name at the server.
func (c Client) Of(stream string) jetstream.JetStream {
	if c.audit != nil && stream == c.Names.Stream(AuditStream) {
		return c.audit
	}
	return c.JetStream
}

// maxUnanswered bounds the asynchronous publications without an acknowledgement.
const maxUnanswered = 8192

// NewClient returns a client over a connection.
func NewClient(nc *nats.Conn, a API, n Names) (Client, error) {
	opts := []jetstream.JetStreamOpt{
		jetstream.WithDefaultTimeout(CallTimeout),
		jetstream.WithPublishAsyncMaxPending(maxUnanswered), jetstream.WithPublishAsyncTimeout(CallTimeout),
	}
	js, err := jetstream.New(nc, opts...)
	switch {
	case a.Domain != "":
		js, err = jetstream.NewWithDomain(nc, a.Domain, opts...)
	case a.Prefix != "":
		js, err = jetstream.NewWithAPIPrefix(nc, a.Prefix, opts...)
	}
	var audit jetstream.JetStream
	if err == nil && a.Audit != "" {
		audit, err = jetstream.NewWithAPIPrefix(nc, a.Audit, opts...)
	}
	if err != nil {
		return Client{}, fmt.Errorf("jetstream: %w", err)
	}
	return Client{JetStream: js, Names: n, audit: audit}, nil
}

// API selects the JetStream of a connection: by domain, or by the prefix of the API's subjects.
// The zero value selects the JetStream of the account. Audit is the prefix of the JetStream with
// the stream AUDIT; empty: the same JetStream.
type API struct{ Domain, Prefix, Audit string }

// Set holds one value of each type for the streams of one Usher.
type Set struct {
	Client      Client
	Events      *Events
	Results     *Results
	DeadLetters *DeadLetters
	Replays     *Replays
	Control     *Control
	Audit       *Audit
	// Configurations are the states of the processes.
	Configurations *Configurations
	// Room is the room for messages of the embedded server, in bytes; zero: the server is another
	// process.
	Room int64
}

// NewSet returns the types over a client. The streams may be created later.
func NewSet(c Client, eventsStream string) *Set {
	events := NewEvents(c, eventsStream)
	return &Set{
		Client: c, Events: events, Results: NewResults(c), DeadLetters: NewDeadLetters(c, events),
		Replays: NewReplays(c, ReplaysStream), Control: NewControl(c), Audit: NewAudit(c), Configurations: NewConfigurations(c),
	}
}

// maxMessage returns the most bytes of a message; zero before the server has announced a limit.
func (c Client) maxMessage() int64 { return c.JetStream.Conn().MaxPayload() }

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

// stream opens a stream, with its current state. The handle stays usable when the stream is deleted and made anew.
func (c Client) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	name = c.Names.Stream(name)
	stream, err := c.JetStream.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("stream %s: %w: %w", name, ErrNoStream, err)
	case err != nil:
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream, nil
}

// Extent is the reach of a stream.
type Extent struct {
	Epoch    int64 // the creation time in nanoseconds
	Messages uint64
	First    uint64 // the sequence of the first message, or of the next message of an empty stream
	Last     uint64 // the last sequence in use, whether the message is still stored or not
}

// Extent returns the current reach of a stream.
func (c Client) Extent(ctx context.Context, name string) (Extent, error) {
	stream, err := c.stream(ctx, name)
	if err != nil {
		return Extent{}, err
	}
	return extentOf(stream.CachedInfo()), nil
}

func extentOf(i *jetstream.StreamInfo) Extent {
	return Extent{Epoch: i.Created.UnixNano(), Messages: i.State.Msgs, First: max(1, i.State.FirstSeq), Last: i.State.LastSeq}
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
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok &&
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
