// Package ops is what a person who runs usher may see and do: how each vendor
// stands, one user's story, the dead letters, pauses. The commands and the
// console show the same facts and act in the same way, because both ask here.
package ops

import (
	"context"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Deps is what a Desk works with. All must be set.
type Deps struct {
	Bus      *bus.Bus
	Config   config.Config
	Vendors  []Vendor // all that there are, on or off
	Handlers []handlers.Handler
}

// Vendor is one that there is.
type Vendor struct {
	Name     string
	Settings vendors.Settings
	Adapter  func() (vendors.Adapter, error) // an error where it is off here
}

// Desk answers what may be asked, and does what may be done, over one bus. It is
// safe for use by many goroutines.
type Desk struct {
	Deps
	made *remaker // of deliveries
}

// New returns a Desk.
func New(d Deps) *Desk {
	return &Desk{Deps: d, made: &remaker{config: d.Config}}
}

// records opens the records in a bucket.
func (d *Desk) records(ctx context.Context, bucket string) (*recordstore.Store, error) {
	return recordstore.Open(ctx, d.streams(), bucket)
}

// streams returns the access to the streams of the mailboxes.
func (d *Desk) streams() streams.Client {
	return streams.Client{JetStream: d.Bus.JetStream(), Timeout: bus.CallTimeout}
}

// Deed is who does something, and why: it is written down before it is done.
type Deed struct {
	Who string
	Why string
}

// action is the deed as it is written down.
func (w Deed) action(kind string) bus.Action {
	return bus.Action{Kind: kind, At: time.Now().UTC(), Who: w.Who, Why: w.Why}
}
