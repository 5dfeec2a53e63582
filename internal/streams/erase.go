package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Erase removes a message, and lets the server overwrite the bytes on the disk. A missing
// message is no error.
func (c Client) Erase(ctx context.Context, stream string, seq uint64) error {
	limited, cancel := context.WithTimeout(ctx, 2*c.timeout()) // the server rewrites a whole file
	defer cancel()
	s, err := c.stream(limited, stream)
	if err != nil {
		return err
	}
	if err := c.deleteError(ctx, stream, seq, s.SecureDeleteMsg(limited, seq)); err != nil {
		return fmt.Errorf("erase message %d of %s: %w", seq, stream, err)
	}
	return nil
}

// deleteError returns the error of a deletion; nil if the leader has no such message. The
// server gives no reason for a failed deletion.
func (c Client) deleteError(ctx context.Context, stream string, seq uint64, err error) error {
	if !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return err
	}
	if _, missing := c.fromLeader(ctx, stream, map[string]any{"seq": seq}); errors.Is(missing, jetstream.ErrMsgNotFound) {
		return nil
	}
	return err
}
