package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Codes of JetStream errors without a name in nats.go.
const (
	codeAccountLimit jetstream.ErrorCode = 10002
	codeNoPeers      jetstream.ErrorCode = 10005
	codeNoRoom       jetstream.ErrorCode = 10023
	codeNoStorage    jetstream.ErrorCode = 10047
	codeBadConfig    jetstream.ErrorCode = 10052
	codeStreamLimits jetstream.ErrorCode = 10053
	codeOverlap      jetstream.ErrorCode = 10065
	codeReplicas     jetstream.ErrorCode = 10074
	codeStreamBytes  jetstream.ErrorCode = 10122
)

// setupError is the error of an unusable stream.
type setupError struct{ error }

func (e setupError) Unwrap() error { return e.error }

// Permanent reports whether an error of Ensure lasts until a person changes the configuration of
// Usher or of the server. Other errors may pass: a stopped server, a cluster without a leader, a
// full disk.
func Permanent(err error) bool {
	if _, setup := errors.AsType[setupError](err); setup || errors.Is(err, jetstream.ErrBadBucket) {
		return true
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeJetStreamNotEnabledForAccount, codeBadConfig, codeStreamLimits, codeReplicas:
		return true
	case codeNoPeers, jetstream.JSErrCodeStreamNotFound, jetstream.JSErrCodeStreamNameInUse: // these pass
		return false
	default:
		return api.Code < 500
	}
}

// Explain returns err with advice, if there is any.
func Explain(err error) error {
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
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return ""
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return "turn JetStream on for the account of usher's credentials, or give usher those of another account"
	case codeReplicas:
		return "set nats.replicas (USHER_NATS_REPLICAS) to 1, or nats.url (USHER_NATS_URL) to a cluster"
	case codeNoPeers:
		return "are as many servers up as nats.replicas (USHER_NATS_REPLICAS) says?"
	case codeAccountLimit, codeStreamLimits, codeNoRoom, codeNoStorage, codeStreamBytes:
		return "give JetStream more room, at the server or for the account, or set nats.storage (USHER_NATS_STORAGE) and nats.max_bytes to less"
	}
	if api.Code == 503 {
		return "are enough servers of the cluster up for JetStream to have a leader?"
	}
	return ""
}
