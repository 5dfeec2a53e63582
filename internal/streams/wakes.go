package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// wakeAckWait is the time before a wake without an ack is delivered again.
	wakeAckWait = 30 * time.Second
	// codeConsumerOverlap is the server's refusal of a second consumer for a subject of a work queue.
	codeConsumerOverlap = 10100
	// openAttempts bounds the attempts to delete the consumers of former owners.
	openAttempts = 5
)

// Wakes is the wake consumer of an ownership. Fetch is for a single goroutine.
type Wakes struct {
	timers *Timers
	name   string // of the consumer
	prefix string // of the subjects
	puller puller
}

// Wake is the message of a fired timer.
type Wake struct {
	Digest string
	msg    jetstream.Msg
}

// Ack removes the wake from TIMERS. Ack does not wait for the server: a lost ack, and the
// ack of a former owner, leave the wake to be delivered again, to the owner.
func (w Wake) Ack() error { return w.msg.Ack() }

// Wakes opens the consumer of an ownership for the wakes of users, after deleting the
// consumers of lower tokens: wakes in the hands of former owners are delivered at once, and
// late acks are void. ErrNewerOwner reports a consumer of a higher token.
func (t *Timers) Wakes(ctx context.Context, vendor string, token uint64) (*Wakes, error) {
	return t.open(ctx, wakeConsumer{vendor: vendor, token: token, prefix: "wakes-", pattern: "*"})
}

// EventWakes opens the consumer of an ownership for the wakes whose digest is of a user and an
// event, as Wakes does.
func (t *Timers) EventWakes(ctx context.Context, vendor string, token uint64) (*Wakes, error) {
	return t.open(ctx, wakeConsumer{vendor: vendor, token: token, prefix: "event-wakes-", pattern: "*.*"})
}

// wakeConsumer describes the consumer of the wakes of a vendor whose digests match a pattern.
type wakeConsumer struct {
	vendor  string
	token   uint64
	prefix  string // of the name
	pattern string
}

// family begins the names of the consumers of all tokens.
func (w wakeConsumer) family() string { return w.prefix + w.vendor + "-" }

func (t *Timers) open(ctx context.Context, w wakeConsumer) (*Wakes, error) {
	vendor := w.vendor
	if err := checkToken("vendor", vendor); err != nil {
		return nil, err
	}
	consumer, err := t.openWakes(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("open wakes of %s: %w", vendor, err)
	}
	return &Wakes{
		timers: t, name: consumer.CachedInfo().Name, prefix: t.names.WakeSubject + "." + vendor + ".",
		puller: puller{consumer: consumer},
	}, nil
}

// openWakes repeats the deletion if a former owner made a consumer in between.
func (t *Timers) openWakes(ctx context.Context, w wakeConsumer) (consumer jetstream.Consumer, err error) {
	for range openAttempts {
		if err = t.deleteLower(ctx, w); err != nil {
			return nil, err
		}
		consumer, err = createWakes(ctx, t, w)
		if api, ok := errors.AsType[*jetstream.APIError](err); !ok || api.ErrorCode != codeConsumerOverlap {
			return consumer, err
		}
	}
	return nil, err
}

// deleteLower deletes the wake consumers of lower tokens, or returns ErrNewerOwner.
func (t *Timers) deleteLower(ctx context.Context, w wakeConsumer) error {
	lower, err := t.lower(ctx, w)
	if err != nil {
		return err
	}
	for _, name := range lower {
		if err := t.deleteConsumer(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// lower returns the names of the wake consumers of lower tokens, or ErrNewerOwner.
func (t *Timers) lower(ctx context.Context, w wakeConsumer) ([]string, error) {
	ctx, cancel := t.client.call(ctx)
	defer cancel()
	var lower []string
	names := t.stream.ConsumerNames(ctx)
	newer := false
	for name := range names.Name() { // read to the end, else the lister never ends
		rest, ok := strings.CutPrefix(name, w.family())
		other, err := strconv.ParseUint(rest, 10, 64)
		switch {
		case !ok || err != nil: // of another vendor
		case other > w.token:
			newer = true
		case other < w.token:
			lower = append(lower, name)
		}
	}
	if err := names.Err(); err != nil {
		return nil, err
	}
	if newer {
		return nil, ErrNewerOwner
	}
	return lower, nil
}

func (t *Timers) deleteConsumer(ctx context.Context, name string) error {
	ctx, cancel := t.client.call(ctx)
	defer cancel()
	if err := t.stream.DeleteConsumer(ctx, name); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	return nil
}

func createWakes(ctx context.Context, t *Timers, w wakeConsumer) (jetstream.Consumer, error) {
	ctx, cancel := t.client.call(ctx)
	defer cancel()
	return t.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: w.family() + strconv.FormatUint(w.token, 10), FilterSubject: t.names.WakeSubject + "." + w.vendor + "." + w.pattern,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: wakeAckWait, MaxAckPending: -1, MaxDeliver: -1,
	})
}

// Fetch returns up to limit wakes, and waits for the first wake; after the wait Fetch returns
// nothing. Up to limit further wakes may be in hand besides the returned wakes, since the
// request stays open. After an error the consumer may be deleted: call Timers.Wakes again,
// which returns ErrNewerOwner after a newer owner's deletion.
func (w *Wakes) Fetch(ctx context.Context, limit int, wait time.Duration) ([]Wake, error) {
	w.puller.messages = limit
	messages, err := w.puller.take(ctx, limit, wait)
	if err != nil {
		return nil, fmt.Errorf("fetch wakes: %w", err)
	}
	wakes := make([]Wake, 0, len(messages))
	for _, m := range messages {
		digest := strings.TrimPrefix(m.Subject(), w.prefix)
		if digest == keep || digest == sentinel { // after ten years Sentinel stores a new one
			_ = m.Ack() // without it the wake comes again
			continue
		}
		wakes = append(wakes, Wake{Digest: digest, msg: m})
	}
	return wakes, nil
}

// Close deletes the consumer. Wakes without an ack are delivered to the next owner at once.
func (w *Wakes) Close(ctx context.Context) error {
	w.puller.close()
	ctx, cancel := w.timers.client.cleanup(ctx)
	defer cancel()
	return w.timers.deleteConsumer(ctx, w.name)
}
