package ops

import (
	"context"
	"errors"
	"strings"

	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
)

// errNoneServed is returned for the replay of an event without a vendor that would take it.
var errNoneServed = errors.New("no vendor is served: start usher serve with the vendors first")

// Served returns the vendors that take the replay of an event: served once, and not off.
func (s *Service) Served(ctx context.Context) ([]string, error) {
	orders, err := s.Orders(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	off := s.Config.Off()
	for _, v := range s.Vendors {
		status, err := s.vendorStatus(ctx, v.Name, orders)
		switch {
		case err != nil:
			return nil, err
		case status == nil, status.State == Off:
		case off[v.Name] != "" && status.State != Serving: // of a former configuration
		default:
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return nil, errNoneServed
	}
	return names, nil
}

// replayEvent sends the event of a dead letter to all vendors that are served.
func (s *Service) replayEvent(ctx context.Context, letter streams.DeadLetter) error {
	names, err := s.Served(ctx)
	if err != nil {
		return err
	}
	return s.Streams.DeadLetters.ReplayEvent(ctx, letter, names)
}

// previewEventLetter previews the replay of the event of a dead letter at all vendors.
func previewEventLetter(ctx context.Context, previewers map[string]previewer, names []string, l streams.DeadLetter) (mailbox.Preview, error) {
	var calls []string
	var first mailbox.Preview
	for _, name := range names {
		one := l
		one.Vendor = name
		p, err := previewers[name].preview(ctx, one)
		switch {
		case err != nil || p.Would == mailbox.PreviewRefused: // alike for all vendors
			return p, err
		case p.Would == mailbox.PreviewCall:
			calls = append(calls, name)
		case first.Would == "" || first.Would == mailbox.PreviewUnsupported:
			first = p
		}
	}
	if len(calls) > 0 {
		return mailbox.Preview{Would: previewAll, Message: strings.Join(calls, ", ")}, nil
	}
	return first, nil
}
