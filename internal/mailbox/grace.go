package mailbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// laterExtension is the attribute of the event of a later deletion, with the type of the event that
// has disabled the account. Dead letters and replays keep the attribute.
const laterExtension = "usherlater"

// longestOrigin is the most bytes of names in an origin. The record has room for little more.
const longestOrigin = 2 << 10

// origin describes the event that has disabled an account, for the result of the later deletion.
type origin struct {
	Key         string    `json:"key"` // of the later deletion
	UserID      string    `json:"user_id"`
	Type        string    `json:"type"`
	ID          string    `json:"id,omitempty"`
	Source      string    `json:"source,omitempty"`
	Time        time.Time `json:"time,omitzero"`
	Correlation string    `json:"correlation,omitempty"`
}

// later returns the later deletion of an account that the event has disabled at the time now. The
// zero Effect means that no rule asks for one.
func (p *parts) later(e *Event, now time.Time) record.Effect {
	if !p.config.Rules.DeletesLater(e.Type) {
		return record.Effect{}
	}
	o := origin{
		Key: events.Key(e.Key, record.ReasonLater+"/"+strconv.Itoa(e.Replay)), UserID: e.Plan.UserID, Type: e.Type,
		ID: e.ID(), Source: e.Source(), Time: e.Time().UTC(), Correlation: events.Extension(e.Event, "correlationid"),
	}
	if len(o.ID)+len(o.Source)+len(o.Correlation) > longestOrigin {
		o.ID, o.Source, o.Correlation = "", "", ""
	}
	text, err := json.Marshal(o)
	if err != nil { // no such text
		return record.Effect{}
	}
	return record.Effect{
		Key: record.KeyOf(o.Key), Position: e.Message.Position, Type: events.UserDeleted, Scope: events.ScopeLifecycle,
		Registered: now, Due: now.Add(p.config.Rules.DeleteAfter), Later: true, Origin: string(text),
	}
}

// laterEvent returns the event of a later deletion.
func (r reader) laterEvent(e *record.Effect) (*Event, error) {
	var o origin
	if err := json.Unmarshal([]byte(e.Origin), &o); err != nil {
		return nil, fmt.Errorf("read the origin of a later deletion: %w", err)
	}
	if o.ID == "" || o.Source == "" {
		o.ID, o.Source = o.Key, "/"+record.ReasonLater
	}
	made, err := events.New(events.UserDeleted, o.Source, o.ID, o.Time, map[string]string{"user_id": o.UserID})
	if err != nil {
		return nil, fmt.Errorf("event of a later deletion: %w", err)
	}
	made.SetExtension(laterExtension, o.Type)
	if o.Correlation != "" {
		made.SetExtension("correlationid", o.Correlation)
	}
	header, payload, err := events.ToNATS(made)
	if err != nil {
		return nil, fmt.Errorf("event of a later deletion: %w", err)
	}
	event := &Event{
		Event: made, Type: events.UserDeleted, Key: o.Key, Handler: r.handlers[events.UserDeleted], Later: true,
		Message: Message{Position: e.Position, Subject: events.UserDeleted, Header: header, Payload: payload, Stored: e.Registered},
	}
	event.Plan, event.Invalid = r.plan(event)
	return event, nil
}

// plan plans an event.
func (r reader) plan(e *Event) (handlers.Plan, error) {
	plan, err := e.Handler.PlanFor(r.vendorOf(e), e.Event)
	if e.Later && !r.policy.DeletesLater(events.Extension(e.Event, laterExtension)) {
		plan.Do = func(context.Context, handlers.Known) (handlers.Reply, error) {
			return e.Handler.Skipped(record.ReasonLater), nil
		}
	}
	return plan, err
}

// vendorOf returns the vendor for the plan of an event. A later deletion deletes.
func (r reader) vendorOf(e *Event) handlers.Vendor {
	v := handlers.Vendor{Name: r.vendor.Name, Adapter: *r.vendor.Port.Load(), Rules: r.vendor.Rules, Policy: r.policy}
	if e.Later {
		v.Policy.OnDelete = handlers.DeleteAccount
	}
	return v
}

// isLaterReplay reports whether a replay is a replay of a later deletion. A later deletion has
// another key than the event of its source and id.
func (e *Event) isLaterReplay() bool {
	return e.Replay > 0 && e.Type == events.UserDeleted && events.Extension(e.Event, laterExtension) != "" && e.Key != "" && e.Key != events.Key(e.Source(), e.ID())
}

// request returns the event that a result names: for a later deletion, the event that has disabled
// the account.
func (e *Event) request() events.Event {
	if !e.Later {
		return e.Event
	}
	request := e.Clone()
	request.SetType(events.Extension(e.Event, laterExtension))
	return request
}
