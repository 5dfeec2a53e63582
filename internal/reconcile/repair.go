package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/usherhq/usher/internal/streams"
)

// Repairs holds the dependencies and the options of the repair of a report.
type Repairs struct {
	Deps
	Streams  *streams.Set
	Source   string // of the audit log
	Who, Why string // for the audit log
	Max      int    // most accounts to repair
	Rate     float64
	Sent     func(n int) // called after each account; may be nil
}

// Repaired is the outcome of the repairs of a report.
type Repaired struct {
	Vendor string       `json:"vendor"`
	Sent   []Difference `json:"sent"` // still differences until the owner of the vendor has applied the events
	Left   []Difference `json:"left"`
	Lost   int          `json:"enrollments_lost,omitempty"` // enrolments without a stored event
	Reason string       `json:"reason,omitempty"`
}

// Send sends the events that repair the differences of a report, at the rate. After a failure, all
// further differences are left. A repair is completed even if ctx ends meanwhile.
func (r Repairs) Send(ctx context.Context, found Report) (Repaired, error) {
	limit := rate.NewLimiter(rate.Limit(r.Rate), 1)
	done := Repaired{Vendor: r.Name, Sent: []Difference{}, Left: []Difference{}, Reason: r.Why}
	var failed error
	for _, d := range found.Differences {
		if d.Repair == "" || len(done.Sent) == r.Max || failed != nil {
			done.Left = append(done.Left, d)
			continue
		}
		var lost int
		err := limit.Wait(ctx)
		if err == nil {
			lost, err = r.send(context.WithoutCancel(ctx), d)
		}
		switch {
		case err == nil:
			done.Lost += lost
			done.Sent = append(done.Sent, d)
			if r.Sent != nil {
				r.Sent(len(done.Sent))
			}
			continue
		case errors.Is(err, ErrChanged), errors.Is(err, streams.ErrStaleRevision):
			d.Note = "skipped: " + err.Error()
		default:
			failed = fmt.Errorf("account %s: %w", d.AccountID, err)
		}
		done.Left = append(done.Left, d)
	}
	return done, failed
}

// send sends the events that repair one difference, each after an entry in the audit log. Returns
// the number of enrolments without a stored event.
func (r Repairs) send(ctx context.Context, d Difference) (lost int, err error) {
	p, err := PlanFor(ctx, r.Deps, d)
	if err != nil {
		return 0, err
	}
	act := streams.Action{Kind: streams.AccountRepaired, At: time.Now().UTC(), Who: r.Who, Why: r.Why, Vendor: r.Name, Account: d.AccountID}
	if p.Letter != nil {
		act.Type, act.Key, act.EventID, act.Replay = p.Letter.Type, p.Letter.Key, p.Letter.EventID, p.Letter.Replay+1
		if err := r.Streams.Audit.Record(ctx, r.Source, act); err != nil {
			return 0, err
		}
		return 0, r.Streams.DeadLetters.Replay(ctx, *p.Letter)
	}
	for _, repair := range p.Repairs {
		act.At, act.Type, act.Key, act.EventID, act.Replay = time.Now().UTC(), repair.Event.Type(), repair.Key(), repair.Event.ID(), repair.Replay
		if err := r.Streams.Audit.Record(ctx, r.Source, act); err != nil {
			return 0, err
		}
		if err := r.Streams.Replays.Repair(ctx, repair); err != nil {
			return 0, err
		}
	}
	return p.Lost, nil
}
