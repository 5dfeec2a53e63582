package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Channel is the way of one sender with a secret. The events of a channel have Nats-Msg-Ids that
// only a holder of the secret can make, so no other producer can make NATS take an event for a
// repeat. The zero Channel has the ids of MsgID.
type Channel struct{ key string }

// NewChannel returns the channel of a sender, by the sender's name and secret.
func NewChannel(name, secret string) Channel {
	return Channel{key: string(digest(secret, "usher channel", name))}
}

// MsgID returns the Nats-Msg-Id of an event from the channel: 32 hex digits, equal for every
// repeat over the channel.
func (c Channel) MsgID(kind, source, id string) string {
	if c.key == "" {
		return MsgID(kind, source, id)
	}
	return hex.EncodeToString(digest(c.key, source, id, kind)[:16])
}

// digest returns HMAC-SHA256 over the parts, separated by zero bytes.
func digest(key string, parts ...string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	for i, part := range parts {
		if i > 0 {
			mac.Write([]byte{0})
		}
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}
