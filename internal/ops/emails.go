package ops

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/emailindex"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
	"github.com/usherhq/usher/internal/streams"
)

const (
	emailBatch = 256                    // events in hand
	emailWait  = 250 * time.Millisecond // of one fetch: the longest time in hand before a write
	emailRetry = time.Second            // after a failure of NATS
)

// EmailTypes are the types of the events with the e-mail of a user, for the index.
func EmailTypes() []string { return []string{events.UserCreated, events.UserUpdated} }

// EmailConsumer returns the consumer of events behind the index of e-mails. Any number of processes
// take from it.
func (s *Service) EmailConsumer() streams.SharedConfig {
	n := s.Streams.Client.Names
	return streams.SharedConfig{
		Stream: s.eventsStream(), Consumer: n.Consumer("usher-emails"), Subjects: n.Filters(EmailTypes()),
		AckWait: s.Config.Worker.AckWait, MaxAckPending: 4 * emailBatch,
	}
}

// IndexEmails writes the index of e-mails from the events until ctx ends. A new index begins with the
// oldest stored event. Failures of NATS are passed to failed, and the step is repeated.
func (s *Service) IndexEmails(ctx context.Context, failed func(error)) error {
	translate, err := translator(s.Config)
	if err != nil {
		return err
	}
	w := emailWriter{service: s, translate: translate, failed: failed}
	for ctx.Err() == nil {
		if err := w.run(ctx); err != nil && ctx.Err() == nil {
			failed(err)
			pause.For(ctx, emailRetry)
		}
	}
	return nil
}

// emailWriter writes the index.
type emailWriter struct {
	service   *Service
	translate mailbox.Translate
	failed    func(error)
	index     *emailindex.Index
}

// run takes events until an error.
func (w *emailWriter) run(ctx context.Context) (err error) {
	if w.index, err = w.service.emails(ctx); err != nil {
		return err
	}
	consumer, err := streams.OpenShared(ctx, w.service.Streams.Client, w.service.EmailConsumer())
	for err == nil && ctx.Err() == nil {
		var batch []*streams.Delivery
		err = consumer.Fetch(ctx, emailBatch, emailWait, func(d *streams.Delivery) { batch = append(batch, d) })
		w.write(ctx, batch)
	}
	return err
}

// write notes the e-mails of a batch, and acknowledges it. The events of one user are noted in order;
// a failed one is repeated before a later one.
func (w *emailWriter) write(ctx context.Context, batch []*streams.Delivery) {
	byUser := map[string][]func() error{}
	for _, d := range batch {
		user, email := emailIn(d.Message, w.translate)
		byUser[user] = append(byUser[user], func() error {
			if user != "" && email != "" {
				if err := w.index.Set(ctx, user, record.Digest(user), email, d.Position); err != nil {
					return err
				}
			}
			return d.Ack()
		})
	}
	var group errgroup.Group
	group.SetLimit(atATime)
	for _, steps := range byUser {
		group.Go(func() error {
			for _, step := range steps {
				w.insist(ctx, step)
			}
			return nil
		})
	}
	_ = group.Wait() // no step returns an error
}

// insist repeats a step until it succeeds, or until ctx ends.
func (w *emailWriter) insist(ctx context.Context, step func() error) {
	for ctx.Err() == nil {
		err := step()
		if err == nil {
			return
		}
		w.failed(err)
		pause.For(ctx, emailRetry)
	}
}

// emailIn returns the user and the e-mail of a stored event; empty for an unreadable event. translate
// may be nil.
func emailIn(m streams.Message, translate mailbox.Translate) (user, email string) {
	e, err := events.Lenient.FromNATS(m.Header, m.Data)
	if err == nil && translate != nil {
		e, err = translate(e)
	}
	var data struct {
		Email string `json:"email"`
	}
	if err != nil || json.Unmarshal(e.Data(), &data) != nil {
		return "", ""
	}
	return events.UserID(e), data.Email
}

// emails opens the index of e-mails.
func (s *Service) emails(ctx context.Context) (*emailindex.Index, error) {
	return emailindex.Open(ctx, s.Streams.Client, s.Config.Profiles.Keys)
}

// findEmails counts the values of the user in the index of e-mails.
func (s *Service) findEmails(ctx context.Context, u *UserData, _ Search, _ endedEffects) error {
	index, err := s.emails(ctx)
	if errors.Is(err, streams.ErrNoStream) {
		return nil
	}
	if err == nil {
		u.emails, err = index.Count(ctx, u.User)
	}
	return err
}

// eraseEmails removes the user from the index of e-mails.
func (s *Service) eraseEmails(ctx context.Context, u UserData, _ ForgetOptions, f *Forgotten) error {
	index, err := s.emails(ctx)
	if errors.Is(err, streams.ErrNoStream) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := index.Erase(ctx, u.User, u.fence)
	if n > 0 {
		f.Erased = append(f.Erased, Match{streams.EmailsBucket, n})
	}
	return err
}

// scanEmails counts the values of the user in the index of e-mails after the erasure. A newer event
// may have written them.
func (s *Service) scanEmails(ctx context.Context, u UserData, f *Forgotten) error {
	left := u
	if err := s.findEmails(ctx, &left, Search{}, nil); err != nil {
		return err
	}
	f.Scan = append(f.Scan, Match{streams.EmailsBucket, left.emails})
	if left.emails > 0 {
		f.Stays = append(f.Stays, streams.EmailsBucket+": the hash of an e-mail of the user, by an event that came meanwhile; run it again")
	}
	return nil
}
