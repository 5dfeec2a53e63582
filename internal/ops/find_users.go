package ops

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// FindUsers returns the ids of the users that a text may mean: the text itself, unless it has the form
// of an e-mail; otherwise the users with the e-mail, and a user whose id is the text.
func (s *Service) FindUsers(ctx context.Context, text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "@") {
		return []string{text}, nil
	}
	var found []string
	index, err := s.emails(ctx)
	switch {
	case err == nil:
		found, err = index.Find(ctx, text)
	case errors.Is(err, streams.ErrNoStream): // of a former version
		err = nil
	}
	if err == nil {
		found, err = s.notIndexed(ctx, text, found)
	}
	if err != nil || slices.Contains(found, text) {
		return found, err
	}
	h, err := s.History(ctx, text)
	if err == nil && len(h.Accounts)+len(h.Events) > 0 {
		found = append(found, text)
	}
	return found, err
}

// notIndexed adds the users of stored events with an e-mail that no process has indexed yet: workers may
// be away, or behind. At most mostUnread events are read.
func (s *Service) notIndexed(ctx context.Context, email string, found []string) ([]string, error) {
	c := s.EmailConsumer()
	at, err := streams.ReadConsumerState(ctx, s.Streams.Client, c.Stream, c.Consumer)
	switch {
	case errors.Is(err, streams.ErrNoConsumer): // nothing is indexed
	case err != nil || at.Pending == 0 && at.Unfinished == 0:
		return found, err
	}
	translate, err := translator(s.Config)
	if err != nil {
		return found, err
	}
	read, wanted := 0, vendors.NormalEmail(email)
	for m, err := range s.Streams.Client.Messages(ctx, c.Stream, streams.Query{Subjects: EmailTypes(), After: at.Floor}) {
		if err != nil {
			return found, err
		}
		if user, has := emailIn(m, translate); user != "" && vendors.NormalEmail(has) == wanted && !slices.Contains(found, user) {
			found = append(found, user)
		}
		if read++; read == mostUnread {
			break
		}
	}
	slices.Sort(found)
	return found, nil
}
