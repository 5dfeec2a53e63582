package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// SetJetStream has the bus talk to another JetStream.
func (b *Bus) SetJetStream(js jetstream.JetStream) { b.js = js }

// NextFullCount returns the time before that the dead letters are not all counted again.
func (b *Bus) NextFullCount() time.Time { return b.dead.next }

// SetNextFullCount sets that time.
func (b *Bus) SetNextFullCount(at time.Time) { b.dead.next = at }
