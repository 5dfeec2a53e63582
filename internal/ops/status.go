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
	Serving = "serving" // a process owns the vendor
	Idle    = "idle"    // no process owns the vendor, and no event waits
	Stalled = "waiting" // events wait, and no process owns the vendor
	OnHold  = "on hold" // the vendor fails or refuses the credentials, and is checked periodically
	Paused  = "paused"  // by a person
)

// Status is the state of all vendors.
type Status struct {
	At        time.Time      `json:"at"`
	OK        bool           `json:"ok"` // no state needs attention
	Vendors   []VendorStatus `json:"vendors"`
	Deletions *Braked        `json:"deletions,omitempty"`                // hold of deletions; nil: no hold
	Approved  *time.Time     `json:"deletions_approved_until,omitempty"` // end of an approval; nil: no approval
}

// Braked is a hold of deletions.
type Braked struct {
	Since time.Time `json:"since"`
	Why   string    `json:"why"`
}

// VendorStatus is the state of a vendor.
type VendorStatus struct {
	Vendor     string     `json:"vendor"`
	State      string     `json:"state"`
	Why        string     `json:"why,omitempty"`
	Since      *time.Time `json:"since,omitempty"`  // of a hold or a pause
	Until      *time.Time `json:"until,omitempty"`  // end of a pause; nil: by hand
	Pending    uint64     `json:"pending"`          // events stored and not registered yet
	Unfinished int        `json:"unfinished"`       // activity events in flight
	Waiting    int        `json:"waiting"`          // users, and activity events, in wait for a time or for the vendor
	Replays    uint64     `json:"replays"`          // replays in flight
	Oldest     *time.Time `json:"oldest,omitempty"` // storage time of the oldest of Pending, Unfinished and Replays
	Dead       int        `json:"dead_letters"`
}

// Status reads the state of all vendors from NATS, without calls of vendors. Vendors that were
// never served are left out.
func (d *Desk) Status(ctx context.Context) (Status, error) {
	now := Status{At: time.Now().UTC(), OK: true}
	orders, err := d.orders(ctx)
	if err != nil {
		return now, err
	}
	dead, err := d.Bus.DeadCounts(ctx)
	if err != nil {
		return now, err
	}
	found := make([]*VendorStatus, len(d.Vendors))
	group, asking := errgroup.WithContext(ctx)
	for i, v := range d.Vendors {
		group.Go(func() (err error) {
			found[i], err = d.vendorStatus(asking, v.Name, orders)
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
			}
		}
		now.OK = now.OK && slices.Contains([]string{Serving, Idle, Paused}, one.State)
		now.Vendors = append(now.Vendors, *one)
	}
	err = d.brake(ctx, &now)
	now.OK = now.OK && now.Deletions == nil
	return now, err
}

// orders holds the holds and pauses of all vendors.
type orders struct {
	holds  map[string]bus.Hold
	pauses map[string]bus.Pause
}

func (d *Desk) orders(ctx context.Context) (o orders, err error) {
	if o.holds, err = d.holds(ctx); err == nil {
		o.pauses, err = d.Bus.Pauses(ctx)
	}
	return o, err
}

// holdFresh is the age in units of worker.hold_retry at which a hold no longer counts. Two checks
// of a vendor on hold are at most four units apart.
const holdFresh = 6

// holds returns the vendors that are on hold.
func (d *Desk) holds(ctx context.Context) (map[string]bus.Hold, error) {
	return d.Bus.Holds(ctx, holdFresh*d.Config.Worker.HoldRetry)
}

// vendorStatus returns the state of a vendor; nil if the vendor was never served.
func (d *Desk) vendorStatus(ctx context.Context, vendor string, o orders) (*VendorStatus, error) {
	load, err := d.Load(ctx, vendor)
	if errors.Is(err, ErrNoConsumers) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := load.status(vendor)
	if p, paused := o.pauses[vendor]; paused {
		s := pauseState(vendor, p)
		v.State, v.Since, v.Until = Paused, s.Since, s.Until
		return &v, nil
	}
	if h, held := o.holds[vendor]; held {
		v.State, v.Why, v.Since = OnHold, h.Why, &h.Since
		return &v, nil
	}
	owned, err := d.owned(ctx, vendor, load)
	switch {
	case err != nil:
		return nil, err
	case owned:
		v.State = Serving
	case v.Pending+uint64(v.Unfinished)+uint64(v.Waiting)+v.Replays > 0:
		v.State = Stalled
	}
	return &v, nil
}

// owned reports whether a process owns a vendor.
func (d *Desk) owned(ctx context.Context, vendor string, l Load) (bool, error) {
	if !l.made() {
		return false, nil
	}
	leases, err := streams.OpenLeases(ctx, d.streams(), 0)
	if err != nil {
		return false, err
	}
	holder, err := leases.Holder(ctx, vendor)
	return holder != "", err
}

// brake sets the hold and the approval of deletions.
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
