package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

// Codes of JetStream's errors that nats.go has no name for.
const (
	codeAccountLimit jetstream.ErrorCode = 10002
	codeNoPeers      jetstream.ErrorCode = 10005
	codeNoRoom       jetstream.ErrorCode = 10023
	codeNoStorage    jetstream.ErrorCode = 10047
	codeBadConfig    jetstream.ErrorCode = 10052
	codeStreamLimits jetstream.ErrorCode = 10053
	codeOverlap      jetstream.ErrorCode = 10065
	codeReplicas     jetstream.ErrorCode = 10074
	codeFull         jetstream.ErrorCode = 10077
)

// setupError is the error of a stream that is not as usher needs it.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }

// Lasting tells whether an error of Ensure lasts until somebody changes the
// configuration, usher's or the server's. Every other one may pass by itself: a server that is not up, a cluster without a leader, a full disk.
func Lasting(err error) bool {
	if errors.As(err, &setupError{}) || errors.Is(err, jetstream.ErrBadBucket) {
		return true
	}
	api := (*jetstream.APIError)(nil)
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeJetStreamNotEnabledForAccount, codeBadConfig, codeStreamLimits, codeReplicas:
		return true
	case codeNoPeers, jetstream.JSErrCodeStreamNotFound, jetstream.JSErrCodeStreamNameInUse: // they come and go
		return false
	default:
		return api.Code < 500
	}
}

// Explained returns err with advice, if there is any.
func Explained(err error) error {
	if err == nil {
		return nil
	}
	if advice := advice(err); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

func advice(err error) string {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return "is JetStream turned on at the server (jetstream in the configuration of nats-server)?"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return "are enough servers of the cluster up, and may usher's NATS user publish to $JS.API.> and subscribe to _INBOX.>?"
	}
	api := (*jetstream.APIError)(nil)
	if !errors.As(err, &api) {
		return ""
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return "turn JetStream on for the account of usher's credentials, or give usher those of another account"
	case codeReplicas:
		return "set nats.replicas (USHER_NATS_REPLICAS) to 1, or nats.url (USHER_NATS_URL) to a cluster"
	case codeNoPeers:
		return "are as many servers up as nats.replicas (USHER_NATS_REPLICAS) says?"
	case codeAccountLimit, codeStreamLimits, codeNoRoom, codeNoStorage:
		return "give JetStream more room, at the server or for the account, or set nats.max_bytes (USHER_NATS_MAX_BYTES) to less"
	}
	if api.Code == 503 {
		return "are enough servers of the cluster up for JetStream to have a leader?"
	}
	return ""
}

// unstored is why a message on subject was not stored, with what to do about it.
func (b *Bus) unstored(subject string, err error) error {
	err = fmt.Errorf("publish on %s: %w", subject, err)
	stream := b.holder(subject)
	switch api := (*jetstream.APIError)(nil); {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w; is the stream %s there? usher serve makes its streams when it starts", err, stream)
	case errors.As(err, &api) && api.ErrorCode == codeFull:
		return fmt.Errorf("%w; the stream %s is full: raise its limits (nats stream edit %s)%s", err, stream, stream, spare(stream))
	default:
		return err
	}
}

// spare says how room is made in a stream whose messages may go: those of the others
// are still to be done, or to be looked at by somebody.
func spare(stream string) string {
	if stream == ResultsStream {
		return ", or remove old messages (nats stream purge " + stream + " --keep N)"
	}
	return ""
}

// holder is the stream that holds a subject.
func (b *Bus) holder(subject string) string {
	switch {
	case slices.Contains(events.Types(), subject):
		return b.layout.Events
	case strings.HasPrefix(subject, "usher.dead."):
		return DeadStream
	case strings.HasPrefix(subject, "usher.replay."):
		return ReplaysStream
	case subject == auditSubject:
		return AuditStream
	default:
		return ResultsStream
	}
}

// Lost waits until the connection is closed for good, by a fault after which
// nats.go does not connect again, and returns why; nil where ctx ends first.
func (b *Bus) Lost(ctx context.Context) error {
	closed := b.nc.StatusChanged(nats.CLOSED)
	defer b.nc.RemoveStatusListener(closed)
	if !b.nc.IsClosed() {
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
		}
	}
	return fmt.Errorf("nats: the connection was closed for good: %w", errors.Join(b.nc.LastError(), nats.ErrConnectionClosed))
}
