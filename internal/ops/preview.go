package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/streams"
)

// Outcomes of a replay, besides the outcomes of mailbox.PreviewOutcome.
const (
	previewEvent   mailbox.PreviewOutcome = "event"   // a delivery would become an event now
	previewIgnored mailbox.PreviewOutcome = "ignored" // a delivery would be dropped: its type is not mapped
	// previewUnknown is the outcome for an enrolment at a vendor that is off here: only the
	// adapter knows the courses of the vendor.
	previewUnknown mailbox.PreviewOutcome = "unknown"
	previewSkipped mailbox.PreviewOutcome = "skipped" // a rule of the team keeps the event from the vendor
	previewAll     mailbox.PreviewOutcome = "calls"   // the event goes to all vendors: Message names those called
)

// ReplayPreview is the predicted outcome of a replay of a dead letter.
type ReplayPreview struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	EventID string `json:"event_id,omitempty"`
	Replay  int    `json:"replay"` // number of the replay
	UserID  string `json:"-"`      // of the event, for people
	mailbox.Preview
}

// PreviewReplays previews the replays of many dead letters. It changes nothing, and calls no vendor.
func (s *Service) PreviewReplays(ctx context.Context, list []streams.DeadLetter) ([]ReplayPreview, error) {
	previewers, err := s.previewers(ctx)
	if err != nil {
		return nil, err
	}
	var served []string
	if slices.ContainsFunc(list, streams.DeadLetter.OfEvent) {
		if served, err = s.Served(ctx); err != nil {
			return nil, err
		}
	}
	found := make([]ReplayPreview, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atATime)
	for i, l := range list {
		found[i] = ReplayPreview{ID: l.ID(), Type: l.Type, EventID: l.EventID, Replay: l.Replay + 1, UserID: s.Letter(l).UserID}
		if l.Vendor == Deliveries {
			found[i].Preview = s.mapper.preview(l)
			continue
		}
		group.Go(func() (err error) {
			if l.OfEvent() {
				found[i].Preview, err = previewEventLetter(ctx, previewers, served, l)
				return err
			}
			found[i].Preview, err = previewers[l.Vendor].preview(ctx, l)
			return err
		})
	}
	return found, group.Wait()
}

// previewer previews replays at one vendor.
type previewer struct {
	*mailbox.Previewer
	events       *streams.Events
	off          error           // reason if the vendor is off here
	needsAdapter map[string]bool // event types that need the adapter for a preview
}

// previewers returns a previewer for each vendor, on or off.
func (s *Service) previewers(ctx context.Context) (map[string]previewer, error) {
	p := previewer{events: s.Streams.Events, needsAdapter: map[string]bool{}}
	deps, err := s.previewDeps(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range s.Handlers {
		p.needsAdapter[h.Type] = h.Scope == events.ScopeCourse
	}
	all := map[string]previewer{}
	for _, v := range s.Vendors {
		port, off := v.Adapter()
		if off != nil {
			port = nil
		}
		rules, err := v.compiled()
		if err != nil {
			return nil, err
		}
		vendor := &mailbox.Vendor{Name: v.Name, Rules: rules}
		vendor.Port.Store(&port)
		p.Previewer, p.off = mailbox.NewPreviewer(vendor, s.previewConfig(v), deps), off
		all[v.Name] = p
	}
	return all, nil
}

// preview previews the replay of a dead letter.
func (p previewer) preview(ctx context.Context, l streams.DeadLetter) (mailbox.Preview, error) {
	switch {
	case p.Previewer == nil:
		return mailbox.Preview{Would: previewUnknown, Message: "this usher has no vendor " + l.Vendor}, nil
	case p.off != nil && p.needsAdapter[l.Type]:
		return mailbox.Preview{Would: previewUnknown, Message: p.off.Error()}, nil
	}
	subject, header := l.AsReplay()
	event, preview, ok := p.Read(mailbox.Message{
		Stream: streams.ReplaysStream, Position: events.Position{Epoch: l.Epoch, Seq: l.Seq},
		Subject: subject, Header: header, Payload: l.Payload, Stored: l.Stored,
	}, l.Replay+1)
	if ok {
		return preview, nil
	}
	f, err := p.Ruling(ctx, event, time.Now())
	if err != nil {
		return preview, fmt.Errorf("%s: %w", l.ID(), err)
	}
	return p.withWholeKey(ctx, byRules(f))
}

// byRules returns the preview of a replay that the rules of the team may keep from the vendor.
func byRules(f mailbox.Forecast) mailbox.Preview {
	p := f.Preview
	switch {
	case f.Reply.Outcome == events.Superseded:
		p.Would = mailbox.PreviewSuperseded
	case f.Reply.Outcome == events.Skipped:
		p.Would, p.Outcome, p.Rule = previewSkipped, events.Skipped, f.Reply.Reason
	case f.Retried:
		p.Would, p.Message = mailbox.PreviewWait, f.Failure
	case f.Class != "":
		p.Would, p.Rule, p.Message = mailbox.PreviewRefused, f.Class, f.Failure
	}
	return p
}

// withWholeKey returns a preview with the whole key of the event in front, if the event is still stored.
func (p previewer) withWholeKey(ctx context.Context, preview mailbox.Preview) (mailbox.Preview, error) {
	if preview.Behind == "" {
		return preview, nil
	}
	o, err := p.events.Original(ctx, preview.Blocker)
	if errors.Is(err, streams.ErrGone) {
		return preview, nil
	}
	if err == nil {
		if key := o.Key(); strings.HasPrefix(key, preview.Behind) {
			preview.Behind = key
		}
	}
	return preview, err
}

// String returns the outcome in words: "would call the vendor".
func (f ReplayPreview) String() string {
	switch f.Would {
	case mailbox.PreviewCall:
		return "would call the vendor; whether the vendor accepts the call is not checked"
	case mailbox.PreviewSuperseded:
		return "would be superseded: something newer was applied, or its time is up"
	case mailbox.PreviewDone:
		return "was sent back already, and ended as " + f.Outcome + ": its result would be published again"
	case mailbox.PreviewRefused:
		where := cmp.Or(f.Pointer, "/") + ": " + f.Rule + ": "
		return "would be refused again: " + where + strings.TrimPrefix(strings.TrimPrefix(f.Message, "invalid event: "), where)
	case mailbox.PreviewUnsupported:
		return "would end as unsupported: the vendor takes no part in it any more"
	case mailbox.PreviewUnderWay:
		return "is under way already"
	case mailbox.PreviewWait:
		return f.wait()
	case previewAll:
		return "would call the vendors " + f.Message + "; whether they accept the calls is not checked"
	case previewSkipped:
		return "would be skipped, by the rule " + f.Rule
	case previewEvent:
		return "would become an event, for all vendors"
	case previewIgnored:
		return "would be let go: its type is not mapped"
	default:
		return "unknown here: " + f.Message
	}
}

func (f ReplayPreview) wait() string {
	text := "would wait"
	if f.Behind != "" {
		text += fmt.Sprintf(" for %s of the same user (event key %s)", f.BehindType, f.Behind)
	}
	if !f.Until.IsZero() {
		text += " until " + f.Until.UTC().Format(time.RFC3339)
	}
	return text
}
