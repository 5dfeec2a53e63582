package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/worker"
	"github.com/usherhq/usher/schemas"
)

// wouldUnknown is what is said of an enrolment at a vendor that is off here: its
// adapter would have to say whether it has courses of its own.
const wouldUnknown worker.Would = "unknown"

// foreseen is what would become of one dead letter.
type foreseen struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	EventID string `json:"event_id,omitempty"`
	Replay  int    `json:"replay"` // the number that it would be sent with
	worker.Foresight
}

// foresee prints what would become of each of list. It changes nothing.
func (r deadReplayCmd) foresee(ctx context.Context, a *app, g graves, list []bus.DeadLetter) error {
	found, err := g.foresee(ctx, list)
	if err != nil {
		return missing(err)
	}
	if r.JSON {
		return writeJSON(a.Stdout, found)
	}
	var rows [][]string
	for _, f := range found {
		rows = append(rows, []string{f.ID, f.Type, f.EventID, f.words()})
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Stderr, "there is no dead letter that fits")
		return err
	}
	return a.print([]string{"ID", "type", "event", "it"}, rows)
}

// foresee asks the ledger about many dead letters at a time.
func (g graves) foresee(ctx context.Context, list []bus.DeadLetter) ([]foreseen, error) {
	seers, err := g.seers(ctx)
	if err != nil {
		return nil, err
	}
	place, err := g.NextReplay(ctx)
	if err != nil {
		return nil, err
	}
	found := make([]foreseen, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, d := range list {
		found[i] = foreseen{ID: d.ID(), Type: d.Type, EventID: d.EventID, Replay: d.Replay + 1}
		if d.Vendor == deliveries {
			found[i].Foresight = g.foreseeDelivery(d)
			continue
		}
		group.Go(func() (err error) {
			found[i].Foresight, err = seers[d.Vendor].foresee(ctx, d, place)
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
func (g graves) seers(ctx context.Context) (map[string]seer, error) {
	deps, err := g.deps(ctx)
	if err != nil {
		return nil, err
	}
	blind := map[string]bool{}
	for _, h := range deps.Handlers {
		blind[h.Type] = h.Scope == handlers.InCourse
	}
	seers := map[string]seer{}
	for _, v := range vendorList(&g.config) {
		port, off := v.adapter()
		if off != nil {
			port = nil
		}
		w, err := worker.New(handlers.Vendor{Name: v.name, Port: port}, worker.Config{
			Concurrency: 1, Prefetch: 1, CallTimeout: bus.CallTimeout, CallLease: 4 * bus.CallTimeout,
			AckWait: g.config.Worker.AckWait, MaxAge: v.settings().MaxAge, Keep: 2 * v.settings().MaxAge,
		}, deps)
		if err != nil {
			return nil, err
		}
		seers[v.name] = seer{worker: w, off: off, blind: blind}
	}
	return seers, nil
}

// deps is what a worker needs that only foresees: it calls, tells and stops nobody.
func (g graves) deps(ctx context.Context) (d worker.Deps, err error) {
	valid, err := schemas.New()
	if err != nil {
		return d, err
	}
	accounts, err := g.Bucket(ctx, bus.AccountsKV)
	if err != nil {
		return d, err
	}
	effects, err := g.Bucket(ctx, bus.EffectsKV)
	if err != nil {
		return d, err
	}
	var names []string
	for _, v := range vendorList(&g.config) {
		names = append(names, v.name)
	}
	return worker.Deps{
		Accounts: &ledger.Book{Store: ledger.KV{Bucket: accounts}, Timeout: bus.CallTimeout},
		Effects:  &ledger.Book{Store: ledger.KV{Bucket: effects}, Timeout: bus.CallTimeout},
		Validate: valid.Validate, Handlers: handlerList(handlers.Courses(g.config.Courses), names),
		Log: zerolog.Nop(),
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

// words say it in a sentence.
func (f foreseen) words() string {
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

func (f foreseen) wait() string {
	said := "would wait"
	if f.Behind != "" {
		said += fmt.Sprintf(" for %s of the same user (event key %s)", f.Kind, f.Behind)
	}
	if !f.Until.IsZero() {
		said += " until " + f.Until.UTC().Format(time.RFC3339)
	}
	return said
}
