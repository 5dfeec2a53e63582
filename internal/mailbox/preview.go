package mailbox

import (
	"math"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// PreviewOutcome is the consequence of a replay.
type PreviewOutcome string

// The consequences of a replay.
const (
	PreviewCall        PreviewOutcome = "call"        // the vendor would be called
	PreviewSuperseded  PreviewOutcome = "superseded"  // a newer change was applied, or the event has expired
	PreviewDone        PreviewOutcome = "done"        // the replay was carried out before, and the result stands
	PreviewWait        PreviewOutcome = "wait"        // for another effect of the user
	PreviewRefused     PreviewOutcome = "refused"     // the event is still at fault
	PreviewUnsupported PreviewOutcome = "unsupported" // the vendor no longer takes part in the event
	PreviewUnderWay    PreviewOutcome = "under way"   // the event or a replay of the event is pending
)

// Preview is the consequence of a replay, and the reason.
type Preview struct {
	Would      PreviewOutcome `json:"would"`
	Outcome    string         `json:"outcome,omitempty"`     // for PreviewDone
	Pointer    string         `json:"pointer,omitempty"`     // for PreviewRefused, into the event
	Rule       string         `json:"rule,omitempty"`        // of the event, broken
	Message    string         `json:"message,omitempty"`     // for PreviewRefused
	Behind     string         `json:"behind,omitempty"`      // for PreviewWait: key of the event to end first
	BehindType string         `json:"behind_type,omitempty"` // and type of the same event
	Until      time.Time      `json:"until,omitzero"`        // for PreviewWait: no attempt before, if known
	// Blocker is the position of the event named by Behind.
	Blocker events.Position `json:"-"`
}

// Previewer previews events and replays at one vendor, and changes nothing.
type Previewer struct{ *parts }

// NewPreviewer returns a Previewer. Of the Deps a Previewer needs Decoder, Handlers and Log, and for
// Forecast and Ruling also Records, Index and, with rules, Profiles; a Previewer only reads them. Of
// the Config a Previewer needs Remember and Rules, and for Forecast the limits of a call.
func NewPreviewer(v *Vendor, c Config, d Deps) *Previewer {
	d.Gate = openGate{}
	if d.Index != nil {
		d.Index = readIndex{d.Index}
	}
	read := newReader(v, d.Decoder, d.Handlers)
	read.policy = c.Rules
	return &Previewer{&parts{reader: read, config: &c, deps: &d}}
}

// Read reads, validates and plans a replay. If the event alone decides, ok is true and p is
// the consequence; otherwise the record of the user decides, see Preview.
func (x *Previewer) Read(m Message, number int) (e *Event, p Preview, ok bool) {
	e = x.parse(m, number)
	switch {
	case e.Plan.Skip:
		return e, Preview{Would: PreviewUnsupported}, true
	case e.Invalid != nil:
		pointer, rule := e.fault()
		return e, Preview{Would: PreviewRefused, Pointer: pointer, Rule: rule, Message: message(e.Invalid)}, true
	}
	return e, Preview{}, false
}

// Preview returns the consequence of a replay for the present record of the user, by the rules of
// mailboxes. Other replays may change the record first: Preview does not see such replays.
func (x *Previewer) Preview(r *record.Record, e *Event, now time.Time) Preview {
	a := e.arrival(0)
	r = r.Clone()
	if outcome, ended := r.Ended(a.Key, a.Replay); ended {
		return Preview{Would: PreviewDone, Outcome: outcome}
	}
	if slices.ContainsFunc(r.Pending, func(p record.Effect) bool { return p.Key == a.Key }) {
		return Preview{Would: PreviewUnderWay}
	}
	// Neither the room of the record nor the unpublished results matter.
	if _, why := r.Register([]record.Arrival{a}, now, record.Limits{Bytes: math.MaxInt, Remember: x.config.Remember}); why.Other != "" {
		invalid := reusedID(why.Other)
		return Preview{Would: PreviewRefused, Pointer: invalid.Pointer, Rule: invalid.Rule, Message: message(invalid)}
	}
	claim := r.Claim
	r.Claim, r.Finished = nil, nil
	r.Next(now, record.Owner{Token: r.Token, FirstLook: -1})
	r.Claim = claim
	if _, superseded := r.Ended(a.Key, a.Replay); superseded || events.Expired(e.Event, now) {
		return Preview{Would: PreviewSuperseded, Outcome: events.Superseded}
	}
	return await(r, a, now)
}

// await returns the consequence of a pending replay.
func await(r *record.Record, a record.Arrival, now time.Time) Preview {
	other, blocked := record.Blocker(r, a.Key, a.Replay)
	if !blocked {
		return Preview{Would: PreviewCall}
	}
	p := Preview{Would: PreviewWait, Behind: other.Key.String(), BehindType: other.Type, Blocker: other.Position}
	if other.Due.After(now) {
		p.Until = other.Due
	}
	return p
}
