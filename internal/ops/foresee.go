package ops

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/schemas"
)

// What else may be said of a dead letter than the worker says.
const (
	wouldBecome worker.Would = "event"   // of a delivery: it would become one now
	wouldIgnore worker.Would = "ignored" // of a delivery: it would be let go
	// wouldUnknown is said of an enrolment at a vendor that is off here: its adapter
	// would have to say whether it has courses of its own.
	wouldUnknown worker.Would = "unknown"
)

// Foreseen is what would become of one dead letter, were it sent back.
type Foreseen struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	EventID string `json:"event_id,omitempty"`
	Replay  int    `json:"replay"` // the number that it would be sent with
	worker.Foresight
}

// Foresee asks the ledger about many dead letters at a time. It changes nothing,
// and calls no vendor.
func (d *Desk) Foresee(ctx context.Context, list []bus.DeadLetter) ([]Foreseen, error) {
	seers, err := d.seers(ctx)
	if err != nil {
		return nil, err
	}
	place, err := d.Bus.NextReplay(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]Foreseen, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, l := range list {
		found[i] = Foreseen{ID: l.ID(), Type: l.Type, EventID: l.EventID, Replay: l.Replay + 1}
		if l.Vendor == Deliveries {
			found[i].Foresight = d.made.foresee(l)
			continue
		}
		group.Go(func() (err error) {
			found[i].Foresight, err = seers[l.Vendor].foresee(ctx, l, place)
			return err
		})
	}
	return found, group.Wait()
}

// seer foresees for one vendor.
type seer struct {
	worker *worker.Worker
	off    error // why the vendor is off here
	blind  map[string]bool
}

// seers returns one for each vendor that there is, on or off.
func (d *Desk) seers(ctx context.Context) (map[string]seer, error) {
	deps, err := d.seeing(ctx)
	if err != nil {
		return nil, err
	}
	blind := map[string]bool{}
	for _, h := range deps.Handlers {
		blind[h.Type] = h.Scope == events.ScopeCourse
	}
	seers := map[string]seer{}
	for _, v := range d.Vendors {
		port, off := v.Adapter()
		if off != nil {
			port = nil
		}
		w, err := worker.New(handlers.Vendor{Name: v.Name, Port: port}, worker.Config{
			Concurrency: 1, Prefetch: 1, CallTimeout: bus.CallTimeout, CallLease: 4 * bus.CallTimeout,
			AckWait: d.Config.Worker.AckWait, MaxAge: v.Settings.MaxAge, Keep: 2 * v.Settings.MaxAge,
		}, deps)
		if err != nil {
			return nil, err
		}
		seers[v.Name] = seer{worker: w, off: off, blind: blind}
	}
	return seers, nil
}

// seeing is what a worker needs that only foresees: it calls, tells and stops nobody.
func (d *Desk) seeing(ctx context.Context) (w worker.Deps, err error) {
	valid, err := schemas.New()
	if err != nil {
		return w, err
	}
	accounts, err := d.book(ctx, bus.AccountsKV)
	if err != nil {
		return w, err
	}
	effects, err := d.book(ctx, bus.EffectsKV)
	if err != nil {
		return w, err
	}
	return worker.Deps{
		Accounts: accounts, Effects: effects, Validate: valid.Validate, Handlers: d.Handlers, Log: zerolog.Nop(),
	}, nil
}

func (s seer) foresee(ctx context.Context, d bus.DeadLetter, place bus.Place) (worker.Foresight, error) {
	switch {
	case s.worker == nil:
		return worker.Foresight{Would: wouldUnknown, Message: "this usher has no vendor " + d.Vendor}, nil
	case s.off != nil && s.blind[d.Type]:
		return worker.Foresight{Would: wouldUnknown, Message: s.off.Error()}, nil
	}
	f, err := s.worker.Foresee(ctx, d, place)
	if err != nil {
		return f, fmt.Errorf("%s: %w", d.ID(), err)
	}
	return f, nil
}

// String says it in a sentence without its subject: "would call the vendor".
func (f Foreseen) String() string {
	switch f.Would {
	case worker.WouldCall:
		return "would call the vendor"
	case worker.WouldSupersede:
		return "would be superseded: something newer was applied, or its time is up"
	case worker.WouldRepeat:
		return "was sent back already, and ended as " + f.Outcome + ": that would be told again"
	case worker.WouldRefuse:
		return fmt.Sprintf("would be refused again: %s: %s: %s", cmp.Or(f.Pointer, "/"), f.Rule, f.Message)
	case worker.WouldPass:
		return "would end as unsupported: the vendor takes no part in it any more"
	case worker.WouldYield:
		return "is under way already"
	case worker.WouldWait:
		return f.wait()
	case wouldBecome:
		return "would become an event, for all vendors"
	case wouldIgnore:
		return "would be let go: its type is not mapped"
	default:
		return "cannot be told here: " + f.Message
	}
}

func (f Foreseen) wait() string {
	said := "would wait"
	if f.Behind != "" {
		said += fmt.Sprintf(" for %s of the same user (event key %s)", f.Kind, f.Behind)
	}
	if !f.Until.IsZero() {
		said += " until " + f.Until.UTC().Format(time.RFC3339)
	}
	return said
}
