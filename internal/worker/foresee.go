package worker

import (
	"context"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
)

// Would is what would become of a dead letter that is sent back.
type Would string

// What may become of it.
const (
	WouldCall      Would = "call"        // the vendor would be called
	WouldSupersede Would = "superseded"  // something newer was applied, or its time is up
	WouldRepeat    Would = "done"        // that replay was carried out: its result would be told again
	WouldWait      Would = "wait"        // for its time, or for another effect of the user
	WouldRefuse    Would = "refused"     // the event is still at fault
	WouldPass      Would = "unsupported" // the vendor takes no part in it any more
	WouldYield     Would = "under way"   // another message carries the effect
)

// Foresight is what would become of a dead letter, and why.
type Foresight struct {
	Would   Would     `json:"would"`
	Outcome string    `json:"outcome,omitempty"`     // for WouldRepeat
	Pointer string    `json:"pointer,omitempty"`     // for WouldRefuse, into the event
	Rule    string    `json:"rule,omitempty"`        // that it breaks
	Message string    `json:"message,omitempty"`     // for WouldRefuse
	Behind  string    `json:"behind,omitempty"`      // for WouldWait: the key of the other event
	Kind    string    `json:"behind_type,omitempty"` // and its type
	Until   time.Time `json:"until,omitzero"`        // for WouldWait, where the time is known
}

// Foresee says what would become of d, sent back as the message at place, as
// things stand. It asks the rules that carry a replay out, over a ledger that
// keeps nothing, and calls nobody. Each dead letter is looked at by itself: what
// others of the same user would change first is not seen.
func (w *Worker) Foresee(ctx context.Context, d bus.DeadLetter, place bus.Place) (Foresight, error) {
	t := w.read(preview{letter: d, place: place})
	if f, ok := foregone(t); ok {
		return f, nil
	}
	t.book = &ledger.Book{Store: &draft{Store: t.book.Store}, Timeout: t.book.Timeout}
	decision, _, err := w.claim(ctx, t)
	if err != nil {
		return Foresight{}, err
	}
	switch outcome := decision.Effect.Outcome; decision.Step {
	case ledger.Proceed:
		return Foresight{Would: WouldCall}, nil
	case ledger.Wait:
		return w.foreseeWait(ctx, t, decision)
	case ledger.Publish:
		if outcome.By == t.token {
			return Foresight{Would: WouldSupersede, Outcome: events.Superseded}, nil
		}
		return Foresight{Would: WouldRepeat, Outcome: outcome.Kind}, nil
	default:
		return Foresight{Would: WouldYield}, nil
	}
}

// foregone is what the event alone decides.
func foregone(t *task) (f Foresight, ok bool) {
	switch {
	case t.invalid != nil:
		pointer, rule := fault(t.invalid)
		return Foresight{Would: WouldRefuse, Pointer: pointer, Rule: rule, Message: message(t.invalid)}, true
	case t.void:
		return Foresight{Would: WouldPass}, true
	default:
		return f, false
	}
}

// foreseeWait says what a task would wait for.
func (w *Worker) foreseeWait(ctx context.Context, t *task, d ledger.Decision) (Foresight, error) {
	f := Foresight{Would: WouldWait, Until: d.Until}
	account, err := t.book.Read(ctx, t.record) // as the decision left it
	if err != nil {
		return f, err
	}
	if other, ok := account.WaitsFor(t.key); ok {
		f.Behind, f.Kind = other.Key, other.Type
	}
	return f, nil
}

// draft is a Store that keeps what is saved to itself.
type draft struct {
	ledger.Store
	record   []byte
	revision uint64
}

// Load returns what was saved, or else what the store has.
func (s *draft) Load(ctx context.Context, key string) ([]byte, uint64, error) {
	if s.record != nil {
		return s.record, s.revision, nil
	}
	return s.Store.Load(ctx, key)
}

// Save keeps the record in memory.
func (s *draft) Save(_ context.Context, _ string, record []byte, revision uint64) (uint64, error) {
	s.record, s.revision = record, revision+1
	return s.revision, nil
}

// preview is a dead letter as the message that it would be sent back as. It is
// only read.
type preview struct {
	Message
	letter bus.DeadLetter
	place  bus.Place
}

func (p preview) Subject() string {
	subject, _ := p.letter.AsReplay()
	return subject
}

func (p preview) Header() map[string][]string {
	_, header := p.letter.AsReplay()
	return header
}

func (p preview) Payload() []byte { return p.letter.Payload }
func (p preview) At() bus.Place   { return p.place }
