package recovery

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/usherhq/usher/tools/environment"
)

const (
	// nextWithin is the longest time from a kill to the outcome of the next event of another user.
	nextWithin = 6 * time.Second
	// handWithin is the longest time from a kill to the outcome of everything in hand.
	handWithin = 30 * time.Second
)

// FailoverReport are the times after each kill.
type FailoverReport struct {
	Vendor string
	Kills  []Kill
	Faults []string
}

// Kill is the time from a kill of the owner to the outcome of the next event of another user,
// and of the last event in hand.
type Kill struct {
	Next, Hand time.Duration
	InHand     int // events without a result at the kill
}

// String returns the report as a line.
func (r *FailoverReport) String() string {
	var next, hand time.Duration
	inHand := 0
	for _, k := range r.Kills {
		next = max(next, k.Next)
		hand = max(hand, k.Hand)
		inHand = max(inHand, k.InHand)
	}
	const unit = 100 * time.Millisecond
	return fmt.Sprintf("%s: %d kills of the owner with up to %d events in hand: the next event at most %s after the kill, the last in hand %s",
		r.Vendor, len(r.Kills), inHand, next.Round(unit), hand.Round(unit))
}

// Failover kills the owner of a vendor while calls are in flight, under a light load of events
// of many users. A second process takes over. clocks has the environment of the first process
// and of all later ones: clocks may differ.
func Failover(ctx context.Context, c Config, vendor string, clocks [2][]string) (r *FailoverReport, err error) {
	r = &FailoverReport{Vendor: vendor}
	t, err := newTrial(ctx, c, vendor)
	defer func() { err = t.end(r.Faults, err) }()
	if err != nil {
		return r, err
	}
	owner, err := t.serve(ctx, clocks[0]...)
	if err != nil {
		return r, err
	}
	for n := range pick(c, 5, 1) {
		next, err := t.serve(ctx, clocks[(n+1)%2]...)
		if err != nil {
			return r, err
		}
		k, err := t.failOver(ctx, c, owner)
		if err != nil {
			return r, fmt.Errorf("kill %d: %w", n+1, err)
		}
		r.Kills = append(r.Kills, k)
		if c.Full && (k.Next > nextWithin || k.Hand > handWithin) {
			r.Faults = append(r.Faults, fmt.Sprintf("kill %d: the next event had its result after %s, the last in hand after %s", n+1, k.Next, k.Hand))
		}
		owner = next
	}
	stuck, err := t.settle(ctx)
	if err != nil {
		return r, err
	}
	faults, err := t.judge(ctx, stuck)
	r.Faults = append(r.Faults, faults...)
	return r, err
}

// failOver kills the owner while calls are in flight.
func (t *trial) failOver(ctx context.Context, c Config, owner *environment.Worker) (k Kill, err error) {
	if _, err := t.owner(ctx, []*environment.Worker{owner}); err != nil {
		return k, err
	}
	// Light: half a dozen calls wait at most when the next owner begins, and they go at the rate.
	every := 20 * time.Second / time.Duration(environment.Rates[t.vendor]*pick(c, 1, 10))
	if err := t.load(ctx, pick(c, 12*time.Second, time.Second), every); err != nil {
		return k, err
	}
	if err := t.callInFlight(ctx, c); err != nil {
		return k, err
	}
	hand := t.open()
	killed := time.Now()
	owner.Kill()
	if err := t.Control(ctx, url.Values{"mode": {"ok"}}); err != nil {
		return k, err
	}
	t.Writer.Create(t.user("next-"))
	next := len(t.sent)
	if err := t.send(ctx); err != nil {
		return k, err
	}
	if err := t.load(ctx, pick(c, 8*time.Second, time.Second), every); err != nil {
		return k, err
	}
	stuck, err := t.settle(ctx)
	if err != nil || len(stuck) > 0 {
		return k, fmt.Errorf("not settled: %s: %w", names(stuck), err)
	}
	return Kill{Next: t.last(t.sent[next : next+1]).Sub(killed), Hand: t.last(hand).Sub(killed), InHand: len(hand)}, nil
}

// callInFlight creates users whose creations stay in flight at the vendor, and returns when
// the vendor has received them.
func (t *trial) callInFlight(ctx context.Context, c Config) error {
	const users = 3
	if stuck, err := t.settle(ctx); err != nil || len(stuck) > 0 {
		return fmt.Errorf("before the kill: %s: %w", names(stuck), err)
	}
	delay := pick(c, 6*time.Second, 800*time.Millisecond)
	if err := t.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "delay": {delay.String()}}); err != nil {
		return err
	}
	before, err := t.State(ctx)
	if err != nil {
		return err
	}
	for range users {
		t.Writer.Create(t.user(sick))
	}
	if err := t.send(ctx); err != nil {
		return err
	}
	return t.Until(ctx, 0, "the calls are in flight", func() bool {
		now, err := t.State(ctx)
		return err == nil && environment.Calls(now) >= environment.Calls(before)+users
	})
}
