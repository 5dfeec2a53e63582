package bus

import "github.com/nats-io/nats.go/jetstream"

// ReadReplica is readReplica for tests.
const ReadReplica = readReplica

// SetJetStream has the bus talk to another JetStream.
func (b *Bus) SetJetStream(js jetstream.JetStream) { b.js = js }
