package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/internal/streams"
)

// The states of a vendor.
const (
	Serving = "serving" // a process owns the vendor
	Failing = "failing" // a process owns the vendor, several users have failed, and none has succeeded since
	Idle    = "idle"    // no process owns the vendor, and no event waits
	Stalled = "waiting" // events wait, and no process owns the vendor
	OnHold  = "on hold" // the vendor fails or refuses the credentials, and is checked periodically
	Paused  = "paused"  // by a person
	Off     = "off"     // by mode off in the configuration: events wait
)

// Status is the state of all vendors.
type Status struct {
	At        time.Time               `json:"at"`
	OK        bool                    `json:"ok"` // no state needs attention
	Vendors   []VendorStatus          `json:"vendors"`
	Left      []LeftVendor            `json:"left,omitempty"`          // not in the configuration any more
	Filling   []FillingStream         `json:"filling,omitempty"`       // streams and buckets that are nearly full
	Events    int                     `json:"dead_events,omitempty"`   // dead letters of events at fault, for all vendors
	Webhooks  int                     `json:"dead_webhooks,omitempty"` // dead letters of deliveries
	Processes []streams.Configuration `json:"processes,omitempty"`     // of usher serve with workers, and their configurations
	// Notify are the targets of notifications whose last delivery failed, by name.
	Notify    map[string]notify.Failure `json:"notify_failing,omitempty"`
	Deletions *DeletionHold             `json:"deletions,omitempty"`                // over all vendors; nil: none is held
	Approved  *time.Time                `json:"deletions_approved_until,omitempty"` // no deletion is held until then
}

// FillingStream is a stream or bucket that holds four fifths of its limit or more.
type FillingStream struct {
	streams.Usage
	Percent int `json:"percent"` // of the limit
}

// DeletionHold is a hold of the deletion guard.
type DeletionHold struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// VendorStatus is the state of a vendor.
type VendorStatus struct {
	Vendor     string     `json:"vendor"`
	State      string     `json:"state"`
	Mode       string     `json:"mode"` // of the configuration: live, shadow or off
	Why        string     `json:"why,omitempty"`
	Since      *time.Time `json:"since,omitempty"` // of a hold or a pause, or of failing
	Until      *time.Time `json:"until,omitempty"` // end of a pause; nil: by hand
	Pending    uint64     `json:"pending"`         // events stored and not registered yet
	Unfinished int        `json:"unfinished"`      // activity events in flight
	Waiting    int        `json:"waiting"`         // users, and activity events, in wait for a time or for the vendor
	// WaitingSince is the registration of the oldest event of Waiting; nil: unknown, as with very many.
	WaitingSince *time.Time   `json:"waiting_since,omitempty"`
	Failed       *FailedTries `json:"failed_tries,omitempty"` // nil: no waiting user has failed
	Replays      uint64       `json:"replays"`                // replays in flight
	Oldest       *time.Time   `json:"oldest,omitempty"`       // storage time of the oldest of Pending, Unfinished and Replays
	Dead         int          `json:"dead_letters"`
	// Deletions is the hold by the limits of the vendor, and Approved the end of an approval for the
	// vendor alone; nil: none.
	Deletions *DeletionHold `json:"deletions,omitempty"`
	Approved  *time.Time    `json:"deletions_approved_until,omitempty"`
}

// Status reads the state of all vendors from NATS, without calls of vendors. Vendors that were
// never served are left out.
func (s *Service) Status(ctx context.Context) (Status, error) {
	now := Status{At: time.Now().UTC(), OK: true}
	orders, err := s.Orders(ctx)
	if err != nil {
		return now, err
	}
	dead, err := s.Streams.DeadLetters.Counts(ctx)
	if err != nil {
		return now, err
	}
	found := make([]*VendorStatus, len(s.Vendors))
	group, asking := errgroup.WithContext(ctx)
	for i, v := range s.Vendors {
		group.Go(func() (err error) {
			found[i], err = s.vendorStatus(asking, v.Name, orders)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return now, err
	}
	for _, one := range found {
		if one == nil {
			continue
		}
		for _, c := range dead {
			if c.Vendor == one.Vendor {
				one.Dead += c.Count
				one.explain(c)
			}
		}
		now.OK = now.OK && slices.Contains([]string{Serving, Idle, Paused, Off}, one.State)
		now.Vendors = append(now.Vendors, *one)
	}
	for _, c := range dead {
		switch c.Vendor {
		case streams.EventPlace:
			now.Events += c.Count
		case Deliveries:
			now.Webhooks += c.Count
		}
	}
	if now.Left, err = s.left(ctx, dead); err != nil {
		return now, err
	}
	if now.Filling, err = s.filling(ctx); err != nil {
		return now, err
	}
	now.OK = now.OK && len(now.Filling) == 0
	if now.Processes, err = s.Processes(ctx); err != nil {
		return now, err
	}
	now.OK = now.OK && !slices.ContainsFunc(now.Processes, func(p streams.Configuration) bool { return len(p.Faults) > 0 })
	if now.Notify, err = s.FailingTargets(ctx); err != nil {
		return now, err
	}
	now.OK = now.OK && len(now.Notify) == 0
	return now, s.addGuards(ctx, &now)
}

// FailingTargets returns the targets of notifications whose last delivery failed.
func (s *Service) FailingTargets(ctx context.Context) (map[string]notify.Failure, error) {
	control, err := s.Streams.Control.Records(ctx)
	if err != nil {
		return nil, err
	}
	return notify.Failing(ctx, control)
}

// Processes returns the processes of usher serve with workers, and the states of their configurations.
func (s *Service) Processes(ctx context.Context) ([]streams.Configuration, error) {
	list, err := s.Streams.Configurations.List(ctx)
	if errors.Is(err, streams.ErrNoStream) {
		return nil, nil
	}
	return list, err
}

// RequestReload records the action in the audit log, and asks all processes to read the configuration
// again. Returns the time of the request.
func (s *Service) RequestReload(ctx context.Context, by Actor) (time.Time, error) {
	act := by.action(streams.ConfigurationReloaded)
	act.Outcome = "requested"
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return act.At, err
	}
	return act.At, s.Streams.Control.RequestReload(ctx, act.At)
}

// RecordReload records the answer of the processes to a reload in the audit log, behind the request.
func (s *Service) RecordReload(ctx context.Context, by Actor, outcome string) error {
	act := by.action(streams.ConfigurationReloaded)
	act.Outcome = outcome
	return s.Streams.Audit.Record(ctx, s.Config.Source, act)
}

// explain adds the reason of dead letters whose users stand still until an operator acts.
func (v *VendorStatus) explain(c streams.DeadCount) {
	if c.Class == mailbox.ClassProfile && v.Why == "" {
		v.Why = fmt.Sprintf("dead letters of class %s: %d, of users whose profile cannot be read; see docs/runbook.md", c.Class, c.Count)
	}
}

// filling returns the streams and buckets that are nearly full.
func (s *Service) filling(ctx context.Context) (list []FillingStream, err error) {
	usage, err := s.Streams.Usage(ctx, true)
	for _, u := range usage {
		if u.NearlyFull() {
			list = append(list, FillingStream{u, int(u.Bytes * 100 / uint64(u.MaxBytes))})
		}
	}
	return list, err
}

// Orders holds the holds and pauses of all vendors.
type Orders struct {
	holds  map[string]streams.Hold
	pauses map[string]streams.Pause
}

// Paused reports whether a person has paused a vendor.
func (o Orders) Paused(vendor string) bool {
	_, paused := o.pauses[vendor]
	return paused
}

// Orders returns the present holds and pauses.
func (s *Service) Orders(ctx context.Context) (o Orders, err error) {
	if o.holds, err = s.holds(ctx); err == nil {
		o.pauses, err = s.Streams.Control.Pauses(ctx)
	}
	return o, err
}

// holdFresh is the age in units of worker.hold_retry at which a hold no longer counts. Two checks
// of a vendor on hold are at most four units apart.
const holdFresh = 6

// holds returns the vendors that are on hold.
func (s *Service) holds(ctx context.Context) (map[string]streams.Hold, error) {
	return s.Streams.Control.Holds(ctx, holdFresh*s.Config.Worker.HoldRetry)
}

// vendorStatus returns the state of a vendor; nil if the vendor was never served.
func (s *Service) vendorStatus(ctx context.Context, vendor string, o Orders) (*VendorStatus, error) {
	load, err := s.Load(ctx, vendor)
	if errors.Is(err, ErrNoConsumers) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := s.StatusOf(ctx, vendor, load, o)
	return &v, err
}

// StatusOf returns the state of a vendor with this work, without dead letters and held deletions. The
// records of waiting users are read, at most mostLooked, and results only if several users fail.
func (s *Service) StatusOf(ctx context.Context, vendor string, load Load, o Orders) (VendorStatus, error) {
	v := load.status(vendor)
	if err := s.countWaiting(ctx, &v); err != nil {
		return v, err
	}
	section, _ := s.Config.Section(vendor)
	v.Mode = section.Rules.Mode.String()
	if p, paused := o.pauses[vendor]; paused {
		state := pauseState(vendor, p)
		v.State, v.Since, v.Until = Paused, state.Since, state.Until
		return v, nil
	}
	off := section.Rules.Mode.Is(config.Off)
	if h, held := o.holds[vendor]; held && !off {
		v.State, v.Why, v.Since = OnHold, h.Why, &h.Since
		return v, nil
	}
	owned, err := s.owned(ctx, vendor, load)
	switch {
	case err != nil:
		return v, err
	case owned:
		v.State = Serving
		err = s.addTries(ctx, &v)
	case off:
		v.State = Off
	case v.Pending+uint64(v.Unfinished)+uint64(v.Waiting)+v.Replays > 0:
		v.State, v.Why = Stalled, "no process of usher serve works for the vendor"
	}
	return v, err
}

// owned reports whether a process owns a vendor.
func (s *Service) owned(ctx context.Context, vendor string, l Load) (bool, error) {
	if !l.made() {
		return false, nil
	}
	leases, err := streams.OpenLeases(ctx, s.Streams.Client, 0)
	if err != nil {
		return false, err
	}
	holder, err := leases.Holder(ctx, vendor)
	return holder != "", err
}

// addGuards adds the holds and the approvals of the deletion guard to a status.
func (s *Service) addGuards(ctx context.Context, now *Status) error {
	g, err := s.guards(ctx)
	if err != nil {
		return err
	}
	now.Deletions, now.Approved = guardState(g.all, now.At)
	now.OK = now.OK && now.Deletions == nil
	for i := range now.Vendors {
		v := &now.Vendors[i]
		v.Deletions, v.Approved = guardState(g.vendors[v.Vendor], now.At)
		now.OK = now.OK && v.Deletions == nil
	}
	return nil
}

// guardState returns the hold and the end of the approval in a record of the deletion guard.
func guardState(r deletionguard.Record, now time.Time) (hold *DeletionHold, approved *time.Time) {
	if r.Why != "" {
		hold = &DeletionHold{Since: r.Held, Why: r.Why}
	}
	if now.Before(r.Approved) {
		approved = &r.Approved
	}
	return hold, approved
}
