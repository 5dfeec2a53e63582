package streams

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pullHeartbeat is the interval of the server's signs of life for an open pull.
	pullHeartbeat = 2 * time.Second
	// reopenPause is the wait before a lost consumer is opened again.
	reopenPause = 50 * time.Millisecond
)

// puller takes messages from a consumer through a pull that stays open between calls: messages
// of an abandoned pull would be lost on the way, and come again only after AckWait, or never.
type puller struct {
	consumer jetstream.Consumer
	messages int // most messages of a pull
	bytes    int // most bytes of a pull; zero: no bound

	batch  jetstream.MessageBatch // nil: no pull is open
	cancel context.CancelFunc     // of batch
	opened time.Time              // of batch
	came   bool                   // whether batch had a message
	single bool                   // the next pull asks for a single message, of any size
}

// take returns up to limit messages, and waits for the first message. After the wait, take
// returns nothing. After an error the consumer may be gone.
func (p *puller) take(ctx context.Context, limit int, wait time.Duration) ([]jetstream.Msg, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		if p.batch == nil {
			if err := p.pull(); err != nil {
				return nil, err
			}
		}
		select {
		case m, open := <-p.batch.Messages():
			if open {
				p.came = true
				return p.drain([]jetstream.Msg{m}, limit), nil
			}
			if err := p.ended(); err != nil {
				return nil, err
			}
		case <-timer.C:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// drain adds the messages at hand.
func (p *puller) drain(taken []jetstream.Msg, limit int) []jetstream.Msg {
	for len(taken) < limit {
		select {
		case m, open := <-p.batch.Messages():
			if !open {
				return taken // the next take sees the end
			}
			taken = append(taken, m)
		default:
			return taken
		}
	}
	return taken
}

// pull opens a pull.
func (p *puller) pull() error {
	ctx, cancel := context.WithCancel(context.Background())
	opts := []jetstream.FetchOpt{jetstream.FetchContext(ctx), jetstream.FetchHeartbeat(pullHeartbeat)}
	messages := max(1, p.messages)
	switch {
	case p.single:
		messages = 1
	case p.bytes > 0:
		opts = append(opts, jetstream.FetchMaxBytes(p.bytes))
	}
	batch, err := p.consumer.Fetch(messages, opts...)
	if err != nil {
		cancel()
		return err
	}
	p.batch = batch
	p.cancel = cancel
	p.opened = time.Now()
	p.came = false
	p.single = false
	return nil
}

// ended closes a pull after the end by the server, and returns the error. A pull that ends
// early and empty met a message larger than the bound on bytes.
func (p *puller) ended() error {
	err := p.batch.Error()
	p.single = err == nil && !p.came && p.bytes > 0 && time.Since(p.opened) < pullHeartbeat
	p.close()
	return err
}

// close abandons the open pull.
func (p *puller) close() {
	if p.batch != nil {
		p.cancel()
		p.batch, p.cancel = nil, nil
	}
}
