package admin

import (
	"fmt"

	"github.com/usherhq/usher/internal/streams"
)

// leastPayload is the smallest max_payload of a server: room for the record of a user with
// some hundred waiting events, and for a dead letter.
const leastPayload = 128 << 10

// CheckPayload returns an error for a server with a max_payload too small for records and dead
// letters.
func CheckPayload(c streams.Client) error {
	limit := c.JetStream.Conn().MaxPayload()
	if limit <= 0 || limit >= leastPayload {
		return nil
	}
	return setupError{fmt.Errorf("the max_payload of NATS is %d bytes, and records of users and dead letters need %d: raise max_payload at the server or for the account (1MB is the default)", limit, leastPayload)}
}
