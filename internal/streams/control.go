package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/pause"
)

// A watch of CONTROL is opened again after controlRenew, since a watch may end unnoticed after
// a loss of the connection or of the bucket; and after controlRetry if the watch failed.
const (
	controlRenew = time.Minute
	controlRetry = time.Second
)

// Control is the bucket CONTROL: holds and pauses of vendors, the record of the deletion guard,
// and the high-water mark of the events. The methods may be called concurrently.
type Control struct{ client Client }

// NewControl returns the bucket. The bucket may be created later.
func NewControl(c Client) *Control { return &Control{c} }

// Records opens the bucket for compare-and-set.
func (c *Control) Records(ctx context.Context) (*Records, error) {
	return OpenRecords(ctx, c.client, ControlBucket)
}

// put stores a value as JSON under a prefix, such as "hold.", and the name of a vendor.
func (c *Control) put(ctx context.Context, prefix, vendor string, value any) error {
	records, err := c.Records(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err == nil {
		ctx, cancel := c.client.call(ctx)
		defer cancel()
		_, err = records.kv.Put(ctx, prefix+vendor, text)
	}
	if err != nil {
		return fmt.Errorf("%s%s: %w", prefix, vendor, err)
	}
	return nil
}

// delete deletes a value. A missing value is no error.
func (c *Control) delete(ctx context.Context, prefix, vendor string) error {
	records, err := c.Records(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := c.client.call(ctx)
	defer cancel()
	if err := records.kv.Delete(ctx, prefix+vendor); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("%s%s: %w", prefix, vendor, err)
	}
	return nil
}

// values returns the stored values below a token, such as "hold", by key.
func (c *Control) values(ctx context.Context, token string) (map[string][]byte, error) {
	records, err := c.Records(ctx)
	if err != nil {
		return nil, err
	}
	values := map[string][]byte{}
	for r, err := range records.List(ctx, token) {
		if err != nil {
			return nil, err
		}
		values[r.Key] = r.Value
	}
	return values, nil
}

// Watch calls see with the values whose keys match keys: at the start, and after each change,
// until ctx ends. A loss of the connection changes nothing.
func (c *Control) Watch(ctx context.Context, keys string, see func(map[string][]byte)) {
	for ctx.Err() == nil {
		if err := c.watchOnce(ctx, keys, see); err != nil {
			pause.For(ctx, controlRetry)
		}
	}
}

// watchOnce watches for controlRenew, by pull requests: the messages of a push consumer would not
// leave the account of the bucket.
func (c *Control) watchOnce(ctx context.Context, keys string, see func(map[string][]byte)) error {
	records, err := c.Records(ctx)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, controlRenew)
	defer cancel()
	values := map[string][]byte{}
	query := Query{Subjects: []string{records.root() + keys}}
	for m, err := range c.client.Messages(limited, "KV_"+ControlBucket, query) {
		if err != nil {
			return err
		}
		query.After = m.Position.Seq
		records.apply(values, m)
	}
	see(values)
	query.Follow = true
	for m, err := range c.client.Messages(limited, "KV_"+ControlBucket, query) {
		switch {
		case limited.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		records.apply(values, m)
		see(values)
	}
	return nil
}
