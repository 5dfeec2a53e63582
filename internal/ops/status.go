package ops

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/brake"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/streams"
)

// The states of a vendor.
const (
	Serving = "serving" // a process takes its events
	Idle    = "idle"    // nobody does, and none wait
	Waiting = "waiting" // events wait, and nobody takes them
	OnHold  = "on hold" // it fails or refuses us, and is tried now and then
	Paused  = "paused"  // by a person
)

// Crowded is the share of a lane's limit at which an operator is told: while
// there is room still.
const Crowded = 0.8

// Status is how all stands.
type Status struct {
	At        time.Time      `json:"at"`
	OK        bool           `json:"ok"` // nothing wants a look
	Vendors   []VendorStatus `json:"vendors"`
	Deletions *Braked        `json:"deletions,omitempty"`                // where they are held
	Approved  *time.Time     `json:"deletions_approved_until,omitempty"` // where none is held until then
}

// Braked is since when, and why, deletions are held.
type Braked struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// VendorStatus is how a vendor stands.
type VendorStatus struct {
	Vendor     string     `json:"vendor"`
	State      string     `json:"state"`
	Why        string     `json:"why,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
	Until      *time.Time `json:"until,omitempty"` // where it is paused until then
	Pending    uint64     `json:"pending"`         // stored, and not delivered yet
	Unfinished int        `json:"unfinished"`      // delivered: at work, or waiting for their time
	Limit      int        `json:"limit"`           // of Unfinished, on its fullest lane
	Oldest     *time.Time `json:"oldest,omitempty"`
	Dead       int        `json:"dead_letters"`
	Full       bool       `json:"nearly_full"`
}

// Status asks NATS how all stands, and no vendor. Vendors that nobody has ever
// served are left out.
func (d *Desk) Status(ctx context.Context) (Status, error) {
	now := Status{At: time.Now().UTC(), OK: true}
	holds, err := d.Bus.Holds(ctx, 3*d.Config.Worker.HoldRetry)
	if err != nil {
		return now, err
	}
	graves, err := d.Bus.Graves(ctx)
	if err != nil {
		return now, err
	}
	found := make([]*VendorStatus, len(d.Vendors))
	group, asking := errgroup.WithContext(ctx)
	for i, v := range d.Vendors {
		group.Go(func() (err error) {
			found[i], err = d.stands(asking, v.Name, holds)
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
		for _, g := range graves {
			if g.Vendor == one.Vendor {
				one.Dead += g.Count
			}
		}
		now.OK = now.OK && !one.Full && slices.Contains([]string{Serving, Idle, Paused}, one.State)
		now.Vendors = append(now.Vendors, *one)
	}
	err = d.brake(ctx, &now)
	now.OK = now.OK && now.Deletions == nil
	return now, err
}

// stands is how a vendor stands; nil where nobody has ever served it.
func (d *Desk) stands(ctx context.Context, vendor string, holds map[string]bus.Hold) (*VendorStatus, error) {
	lanes, err := d.lanes(ctx, vendor)
	if errors.Is(err, ErrNoLanes) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	one := sum(vendor, lanes)
	if h, held := holds[vendor]; held && one.State != Paused {
		one.State, one.Why, one.Since = OnHold, h.Why, &h.Since
	}
	return &one, nil
}

// brake looks whether deletions are held, and whether they can be.
func (d *Desk) brake(ctx context.Context, now *Status) error {
	control, err := streams.OpenRecords(ctx, streams.Client{JetStream: d.Bus.JetStream()}, bus.ControlKV)
	if err != nil {
		return err
	}
	r, err := brake.Read(ctx, control)
	if err != nil {
		return err
	}
	if r.Why != "" {
		now.Deletions = &Braked{Since: r.Held, Why: r.Why}
	}
	if now.At.Before(r.Approved) {
		now.Approved = &r.Approved
	}
	return nil
}

// sum makes one of a vendor's lanes.
func sum(vendor string, lanes []lane) VendorStatus {
	v := VendorStatus{Vendor: vendor, State: Idle}
	taken, paused := false, 0
	for _, l := range lanes {
		s := l.at
		v.Pending += s.Pending
		v.Unfinished += s.Waiting
		v.Limit = max(v.Limit, s.Limit)
		v.Full = v.Full || NearlyFull(s)
		if !s.Oldest.IsZero() && (v.Oldest == nil || s.Oldest.Before(*v.Oldest)) {
			v.Oldest = &s.Oldest
		}
		taken = taken || s.Asked
		if at := stateOf(l.Name, s); at.Paused {
			paused++
			v.Until = at.Until
		}
	}
	switch {
	case paused == len(lanes):
		v.State = Paused
		return v
	case taken:
		v.State = Serving
	case v.Pending > 0 || v.Unfinished > 0:
		v.State = Waiting
	}
	v.Until = nil
	return v
}

// NearlyFull tells whether a lane comes near its limit, beyond which the server
// delivers nothing new of it.
func NearlyFull(s bus.LaneState) bool {
	return s.Limit > 0 && float64(s.Waiting) >= Crowded*float64(s.Limit)
}
