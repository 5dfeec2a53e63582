package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A watch of CONTROL is opened anew after controlRenew, since a watch may end unseen if NATS
// was away or the bucket was made anew; and after controlRetry if that failed.
const (
	controlRenew = time.Minute
	controlRetry = time.Second
)

// WatchControl calls see with the values of the bucket CONTROL whose keys match keys: at
// first, and after each change, until ctx ends. While NATS is away nothing changes.
func (b *Bus) WatchControl(ctx context.Context, keys string, see func(map[string][]byte)) {
	for ctx.Err() == nil {
		wait := time.NewTimer(controlRetry)
		if err := b.watchOnce(ctx, keys, see); err == nil {
			wait.Reset(0)
		}
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
}

// watchOnce watches for controlRenew.
func (b *Bus) watchOnce(ctx context.Context, keys string, see func(map[string][]byte)) error {
	control, err := b.bucket(ctx, ControlKV)
	if err != nil {
		return err
	}
	watcher, err := control.Watch(ctx, keys)
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Stop() }()
	end := time.NewTimer(controlRenew)
	defer end.Stop()
	values, complete := map[string][]byte{}, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return nil
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return nil
			case entry == nil: // all present values were seen
				complete = true
			case entry.Operation() == jetstream.KeyValuePut:
				values[entry.Key()] = entry.Value()
			default:
				delete(values, entry.Key())
			}
			if complete {
				see(values)
			}
		}
	}
}
