package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/tools/process"
)

const publishers = 4

// publish publishes all posts on time. One publisher publishes the posts of a user in order.
func publish(ctx context.Context, w *world, posts []post) error {
	group, ctx := errgroup.WithContext(ctx)
	begun := time.Now()
	for n := range publishers {
		nc, js, err := w.connect(fmt.Sprint("producer-", n))
		if err != nil {
			return err
		}
		group.Go(func() error {
			defer nc.Close()
			for _, p := range posts {
				if p.user%publishers != n {
					continue
				}
				process.Sleep(ctx, time.Until(begun.Add(p.at)))
				if err := send(ctx, js, w.config.Shape, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// send publishes one event repeatedly with the same Nats-Msg-Id, until the server acknowledges.
func send(ctx context.Context, js jetstream.JetStream, s Shape, p post) error {
	m, err := p.Message()
	if err != nil {
		return err
	}
	m.Subject = s.subject(p.user, p.Event.Type())
	for {
		limit, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := js.PublishMsg(limit, m)
		cancel()
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		process.Sleep(ctx, 100*time.Millisecond)
	}
}
