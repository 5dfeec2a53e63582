package streams

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// replaySubject begins the subjects of replays.
const replaySubject = "usher.replay"

// The headers of a replay, with values of the original message.
const (
	headerKey    = "Usher-Key"
	headerEpoch  = "Usher-Epoch"
	headerSeq    = "Usher-Seq"
	headerReplay = "Usher-Replay"
	headerStored = "Usher-Stored"
	headerRepair = "Usher-Repair"
	headerPlace  = "Usher-Place" // EventPlace for the replay of an event at all vendors
	headerCause  = "Usher-Cause" // causeAccount for a replay that no person has sent
)

// causeAccount is the cause of a replay that the account of the user has sent.
const causeAccount = "account"

// ReplayHeader is the content of the headers of a replay: key, position and number.
type ReplayHeader struct {
	Key    string
	Epoch  int64
	Seq    uint64
	Number int
	Stored time.Time // storage time of the original message; zero if unknown
	Repair string    // the vendor's id of the account to repair; mostly empty
	All    bool      // the event was sent back to all vendors
	// Automatic says that the account of the user has sent the dead letter back, not a person.
	Automatic bool
}

// Replay is a stored replay. A message of another sender has no valid header.
type Replay struct {
	Message Message
	Vendor  string
	Header  ReplayHeader
	Valid   bool // whether the message has a valid header
}

// replay returns the message that sends a dead letter back to its vendor: with the position of
// the original message and the next number. The Nats-Msg-Id has the type, since two events of
// a producer with one id for both have the same key.
func (d DeadLetter) replay() *nats.Msg {
	number := strconv.Itoa(d.Replay + 1)
	h := nats.Header(eventHeaders(d.Header))
	h.Set(headerKey, d.Key)
	h.Set(headerEpoch, strconv.FormatInt(d.Epoch, 10))
	h.Set(headerSeq, strconv.FormatUint(d.Seq, 10))
	h.Set(headerReplay, number)
	h.Set(headerStored, d.Stored.UTC().Format(time.RFC3339Nano))
	if d.Repair != "" {
		h.Set(headerRepair, d.Repair)
	}
	h.Set(nats.MsgIdHdr, d.ID()+"."+d.Type+"."+number)
	return &nats.Msg{Subject: replaySubject + "." + d.Vendor + "." + d.Type, Header: h, Data: d.Payload}
}

// AsReplay returns the subject and the headers of the replay of a dead letter.
func (d DeadLetter) AsReplay() (subject string, header map[string][]string) {
	m := d.replay()
	return m.Subject, m.Header
}

// eventHeaders returns the headers of an event that dead letters and replays carry: the content
// type, the attributes of the event, and the trace context. Any other header, such as
// Usher-Repair, could change the meaning of a replay (docs/design.md, rule 7.2).
func eventHeaders(header map[string][]string) map[string][]string {
	return selected(header, func(name string) bool {
		return strings.HasPrefix(name, "ce-") || name == "content-type" || name == "traceparent" || name == "tracestate"
	})
}

// deliveryHeaders returns the headers of a delivery of a web hook, without the names of NATS and
// of Usher. The mapping may read any other header.
func deliveryHeaders(header map[string][]string) map[string][]string {
	return selected(header, func(name string) bool {
		return !strings.HasPrefix(name, "nats-") && !strings.HasPrefix(name, "usher-")
	})
}

// selected returns the headers whose names in lower case keep selects.
func selected(header map[string][]string, keep func(name string) bool) map[string][]string {
	out := map[string][]string{}
	for name, values := range header {
		if keep(strings.ToLower(name)) {
			out[name] = values
		}
	}
	return out
}

// ReadReplayHeader reads the headers of a replay, and reports whether the headers are valid. A
// message without valid headers was not sent by Usher.
func ReadReplayHeader(header map[string][]string) (r ReplayHeader, ok bool) {
	h := nats.Header(header)
	if r.Key = h.Get(headerKey); r.Key == "" {
		return r, false
	}
	number, err1 := strconv.Atoi(h.Get(headerReplay))
	epoch, err2 := strconv.ParseInt(h.Get(headerEpoch), 10, 64)
	seq, err3 := strconv.ParseUint(h.Get(headerSeq), 10, 64)
	r.Number = number
	r.Epoch = epoch
	r.Seq = seq
	r.Repair = h.Get(headerRepair)
	r.All = h.Get(headerPlace) == EventPlace
	r.Automatic = h.Get(headerCause) == causeAccount
	r.Stored, _ = time.Parse(time.RFC3339Nano, h.Get(headerStored)) // zero without a valid time
	return r, errors.Join(err1, err2, err3) == nil
}

// tokenOf returns a token of a subject, counted from 0.
func tokenOf(subject string, at int) string {
	tokens := strings.Split(subject, ".")
	if at >= len(tokens) {
		return ""
	}
	return tokens[at]
}
