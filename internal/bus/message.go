package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Place says which message of which stream this is, and for the how-manieth
// time the server delivers it.
type Place struct {
	Stream   string
	Epoch    int64 // the stream's creation time, in nanoseconds
	Seq      uint64
	Delivery uint64
	Time     time.Time // when it was stored
	Turn     uint64    // which delivery of its lane this is, counted by the server over all processes
	Pin      string    // of a pinned lane: what the server calls this owner's time
}

// Message is one delivery of a message.
type Message struct {
	Place
	raw jetstream.Msg
	nc  *nats.Conn
}

// Subject is what it was published on.
func (m *Message) Subject() string { return m.raw.Subject() }

// Header holds its headers, in the sender's spelling.
func (m *Message) Header() map[string][]string { return m.raw.Headers() }

// Payload is its body.
func (m *Message) Payload() []byte { return m.raw.Data() }

// At is where it stands.
func (m *Message) At() Place { return m.Place }

// Ack ends the message: it is not delivered again.
func (m *Message) Ack() error { return m.wrap("ack", m.raw.Ack()) }

// Nak has the message delivered again after delay.
func (m *Message) Nak(delay time.Duration) error {
	return m.wrap("negative ack", m.raw.NakWithDelay(max(delay, time.Millisecond)))
}

// Renew tells the server that the message is being worked on, and returns nil
// only if the server has confirmed it.
func (m *Message) Renew(ctx context.Context) error {
	_, err := m.nc.RequestWithContext(ctx, m.raw.Reply(), []byte("+WPI"))
	return m.wrap("in progress", err)
}

func (m *Message) wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s of %s %d: %w", what, m.Stream, m.Seq, err)
	}
	return nil
}

// kept are the headers of a message that come with its event, and not from the server.
func kept(header map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range header {
		if !strings.HasPrefix(strings.ToLower(name), "nats-") {
			out[name] = values
		}
	}
	return out
}
