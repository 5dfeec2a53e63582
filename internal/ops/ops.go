// Package ops holds the operations for people: the state of the vendors, the history of a user,
// dead letters, pauses. The commands and the console use ops, and so show and do the same.
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

// Deps are the parts needed by a Desk. All must be set.
type Deps struct {
	Bus      *bus.Bus
	Config   config.Config
	Vendors  []Vendor // all vendors, on or off
	Handlers []handlers.Handler
}

// Vendor is a vendor of the catalog.
type Vendor struct {
	Name     string
	Settings vendors.Settings
	Adapter  func() (any, error) // returns an error if the vendor is off here
}

// Desk is the service for people, over one bus. A Desk is safe for concurrent use.
type Desk struct {
	Deps
	made *remaker // of events from deliveries
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

// Deed is the person behind an action, and the reason, for the audit log.
type Deed struct {
	Who string
	Why string
}

// action returns the record for the audit log.
func (w Deed) action(kind string) bus.Action {
	return bus.Action{Kind: kind, At: time.Now().UTC(), Who: w.Who, Why: w.Why}
}
