package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
)

// EventPreview is the predicted consequence of an event at each vendor.
type EventPreview struct {
	EventID string          `json:"event_id"`
	Source  string          `json:"source"`
	Type    string          `json:"type"`
	UserID  string          `json:"user_id,omitempty"`
	Vendors []VendorPreview `json:"vendors"`
}

// VendorPreview is the predicted consequence of an event at one vendor.
type VendorPreview struct {
	Vendor string `json:"vendor"`
	Would  string `json:"would"` // one of the words below
	// AccountID, MatchedBy, Changed and Reason are as in events.Result.
	AccountID string   `json:"account_id,omitempty"`
	MatchedBy string   `json:"matched_by,omitempty"`
	Changed   []string `json:"changed,omitempty"`
	Reason    string   `json:"reason,omitempty"` // for WouldSkip: the rule of the team
	// Action is the change that is skipped, for WouldSkip.
	Action string `json:"action,omitempty"`
	// Requests are the changing calls up to the first: a later call depends on the answer.
	Requests []PreviewRequest `json:"requests,omitempty"`
	// Class and Message are those of a failure, or say why nothing is known.
	Class   string    `json:"class,omitempty"`
	Message string    `json:"message,omitempty"`
	Behind  string    `json:"behind,omitempty"` // for WouldWait and WouldDepend: the event to end first
	Until   time.Time `json:"until,omitzero"`   // for WouldWait: no attempt before
	Held    string    `json:"held,omitempty"`   // of a deletion: why deletions are on hold
}

// The words of VendorPreview.Would.
const (
	WouldCreate   = "create"
	WouldAdopt    = "adopt" // an account is found, and left as it is
	WouldUpdate   = "update"
	WouldEnable   = "enable"
	WouldDisable  = "disable"
	WouldDelete   = "delete"
	WouldRestore  = "restore"
	WouldEnroll   = "enroll"
	WouldUnenroll = "unenroll"
	WouldRecord   = "record" // an activity

	WouldNothing     = "nothing" // the vendor has the change already
	WouldSkip        = "skip"    // by a rule of the team; see Reason
	WouldSupersede   = "superseded"
	WouldUnsupported = "unsupported" // the vendor has no such call
	WouldIgnore      = "ignore"      // the vendor takes no part in the event
	WouldWait        = "wait"        // for an account, another event, or a further attempt
	WouldDepend      = "depends"     // an earlier event of the input changes the account first
	WouldFail        = "fail"        // as a dead letter
	WouldRepeat      = "repeat"      // the event is known already: nothing more comes of it
	WouldUnknown     = "unknown"     // the vendor is off here
)

// verbs are the words for the steps of a result.
var verbs = map[string]string{
	events.ActionNone: WouldNothing, events.ActionAdopted: WouldAdopt, events.ActionCreated: WouldCreate, events.ActionUpdated: WouldUpdate,
	events.ActionDeleted: WouldDelete, events.ActionRestored: WouldRestore, events.ActionDisabled: WouldDisable, events.ActionEnabled: WouldEnable,
	events.ActionEnrolled: WouldEnroll, events.ActionUnenrolled: WouldUnenroll, events.ActionRecorded: WouldRecord,
}

// PreviewEvents predicts the consequences of events, in order, at the vendors with these names, or
// at all that are on here: by the schemas, the rules of the team, the records, and look-ups at the vendors
// through clients that refuse each call that may change something. Nothing is stored.
func (s *Service) PreviewEvents(ctx context.Context, list []events.Event, names []string) ([]EventPreview, error) {
	at, err := s.Streams.Client.Extent(ctx, s.eventsStream())
	if err != nil {
		return nil, err
	}
	var messages []previewMessage
	for i, e := range list {
		header, payload, err := events.ToNATS(e)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		messages = append(messages, previewMessage{event: e, message: mailbox.Message{
			Stream: s.eventsStream(), Position: events.Position{Epoch: at.Epoch, Seq: at.Last + uint64(i) + 1},
			Subject: e.Type(), Header: header, Payload: payload, Stored: time.Now(),
		}})
	}
	return s.previewMessages(ctx, messages, names)
}

// previewMessage is an event or a replay before it is sent.
type previewMessage struct {
	event   events.Event
	message mailbox.Message
	replay  int    // the number of a replay; 0: an event
	vendor  string // the only vendor of a replay
}

// previewMessages previews messages, all vendors side by side.
func (s *Service) previewMessages(ctx context.Context, list []previewMessage, names []string) ([]EventPreview, error) {
	out := make([]EventPreview, len(list))
	for i, m := range list {
		out[i] = EventPreview{EventID: m.event.ID(), Source: m.event.Source(), Type: m.event.Type(), UserID: events.UserID(m.event)}
	}
	previewers, err := s.eventPreviewers(ctx, names)
	if err != nil {
		return nil, err
	}
	found := make([][]*VendorPreview, len(previewers))
	group, ctx := errgroup.WithContext(ctx)
	for v, x := range previewers {
		group.Go(func() (err error) {
			found[v], err = x.all(ctx, list)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Vendors = []VendorPreview{}
		for v := range found {
			if p := found[v][i]; p != nil {
				out[i].Vendors = append(out[i].Vendors, *p)
			}
		}
	}
	return out, nil
}

// eventPreviewers returns a previewer for each of the vendors with these names, or for all.
func (s *Service) eventPreviewers(ctx context.Context, names []string) ([]*eventPreviewer, error) {
	deps, err := s.previewDeps(ctx)
	if err != nil {
		return nil, err
	}
	guards, err := s.guards(ctx)
	if err != nil {
		return nil, err
	}
	var list []*eventPreviewer
	off := s.Config.Off()
	for _, v := range s.Vendors {
		if len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		section, _ := s.Config.Section(v.Name)
		x := &eventPreviewer{name: v.Name, scope: ruleText(section.Rules.Scope), held: guards.why(v.Name, time.Now()), off: off[v.Name]}
		if x.off != "" && len(names) == 0 {
			continue
		}
		if x.off == "" {
			if err := x.open(v, s.previewConfig(v), deps); err != nil {
				x.off = err.Error()
			}
		}
		list = append(list, x)
	}
	if len(list) == 0 {
		return nil, errNoneOn
	}
	return list, nil
}

// previewConfig returns the limits and the rules of previews at a vendor.
func (s *Service) previewConfig(v Vendor) mailbox.Config {
	w, t := s.Config.Worker, v.Settings
	return mailbox.Config{
		Source: s.Config.Source, CallTimeout: cmp.Or(t.Timeout, 10*time.Second), CallLease: w.CallLease, MaxAge: t.MaxAge, PrerequisiteWait: w.PrerequisiteWait,
		RetryMin: w.RetryMin, RetryMax: w.RetryMax, HoldRetry: w.HoldRetry, Remember: 2 * t.MaxAge, Rules: v.Team,
	}
}
