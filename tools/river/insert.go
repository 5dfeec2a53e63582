package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/riverqueue/river"
)

// batch is the highest number of events of one statement.
const batch = 1000

// inserter makes jobs of events.
type inserter struct {
	consumer jetstream.Consumer
	client   *river.Client[pgx.Tx]
}

// run inserts the events of the consumer until ctx ends.
func (i *inserter) run(ctx context.Context) error {
	messages, err := i.consumer.Messages(jetstream.PullMaxMessages(2*batch), jetstream.PullExpiry(time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	arrived := make(chan jetstream.Msg, batch)
	go func() { // ends with ctx, like the loop below
		defer close(arrived)
		for ctx.Err() == nil {
			m, err := messages.Next(jetstream.NextContext(ctx))
			if err != nil {
				continue // a missed heartbeat
			}
			select {
			case arrived <- m:
			case <-ctx.Done():
			}
		}
	}()
	for first := range arrived {
		i.insert(ctx, gather(first, arrived))
	}
	return ctx.Err()
}

// gather returns first and the other messages that have arrived, up to a batch.
func gather(first jetstream.Msg, arrived <-chan jetstream.Msg) []jetstream.Msg {
	list := []jetstream.Msg{first}
	for len(list) < batch {
		select {
		case m, ok := <-arrived:
			if !ok {
				return list
			}
			list = append(list, m)
		default:
			return list
		}
	}
	return list
}

// insert stores jobs in one transaction, and acks the messages after the commit. A repeated event makes
// no second job.
func (i *inserter) insert(ctx context.Context, messages []jetstream.Msg) {
	var stored []jetstream.Msg
	var jobs []river.InsertManyParams
	seen := map[string]bool{} // one statement must not have a key twice
	for _, m := range messages {
		var a activity
		if err := json.Unmarshal(m.Data(), &a); err != nil {
			_ = m.Term()
			continue
		}
		stored = append(stored, m)
		if key := a.Source + "\x00" + a.ID; !seen[key] {
			seen[key] = true
			jobs = append(jobs, river.InsertManyParams{Args: a})
		}
	}
	if len(jobs) == 0 {
		return
	}
	_, err := i.client.InsertMany(ctx, jobs)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "insert:", err)
	}
	for _, m := range stored {
		if err != nil {
			_ = m.NakWithDelay(time.Second)
			continue
		}
		_ = m.Ack() // without the ack the event comes again, and makes no second job
	}
}
