package streams

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// storedMessage is the leader's answer to a request for a message.
type storedMessage struct {
	Error   *jetstream.APIError `json:"error"`
	Message *struct {
		Subject string    `json:"subject"`
		Seq     uint64    `json:"seq"`
		Header  []byte    `json:"hdrs"`
		Data    []byte    `json:"data"`
		Time    time.Time `json:"time"`
	} `json:"message"`
}

// fromLeader reads a message by the request that only the leader of a stream answers: seq is
// a sequence, last_by_subj a subject with or without wildcards. The client library sends such
// requests only for streams without direct reads. ErrMsgNotFound is the leader's word.
func (c Client) fromLeader(ctx context.Context, stream string, which map[string]any) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	request, err := json.Marshal(which)
	if err != nil {
		return nil, err
	}
	reply, err := c.JetStream.Conn().RequestWithContext(ctx, c.apiPrefix()+"STREAM.MSG.GET."+c.Names.Stream(stream), request)
	if err != nil {
		return nil, err
	}
	var answer storedMessage
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		return nil, err
	}
	return answer.decode()
}

func (s storedMessage) decode() (m *jetstream.RawStreamMsg, err error) {
	switch {
	case s.Error != nil && s.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return nil, jetstream.ErrMsgNotFound
	case s.Error != nil:
		return nil, s.Error
	case s.Message == nil:
		return nil, jetstream.ErrInvalidJetStreamResponse
	}
	m = &jetstream.RawStreamMsg{Subject: s.Message.Subject, Sequence: s.Message.Seq, Data: s.Message.Data, Time: s.Message.Time}
	if len(s.Message.Header) > 0 {
		m.Header, err = nats.DecodeHeadersMsg(s.Message.Header)
	}
	return m, err
}

// apiPrefix returns the prefix of the subjects of JetStream's API, with a dot at the end.
func (c Client) apiPrefix() string {
	o := c.JetStream.Options()
	switch {
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	}
	return jetstream.DefaultAPIPrefix
}
