// Package ops holds the operations for people: the state of the vendors, the history of a user,
// dead letters, pauses. The commands and the console use ops, and so show and do the same.
package ops

import (
	"context"
	"time"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Deps are the parts needed by a Service. All must be set.
type Deps struct {
	Streams  *streams.Set
	Config   config.Config
	Vendors  []Vendor // all vendors, on or off
	Handlers []handlers.Handler
}

// Vendor is a vendor of the catalog.
type Vendor struct {
	Name     string
	Settings vendors.Settings
	Adapter  func() (vendors.Adapter, error) // returns an error if the vendor is off here
	// ReadOnly returns an adapter that only reads, and calls refused with each refused call.
	ReadOnly func(refused func(vendors.Request)) (vendors.Adapter, error)
	Team     mailbox.Rules                  // may, mode and on_delete of the team
	Rules    func() (handlers.Rules, error) // compiles scope and map of the team; nil: none
}

// Service reads and changes the streams of one Usher for people. Safe for concurrent use.
type Service struct {
	Deps
	mapper *webhookMapper // of deliveries to events
}

// New returns a Service.
func New(d Deps) *Service {
	return &Service{Deps: d, mapper: &webhookMapper{config: d.Config}}
}

// records opens the records in a bucket.
func (s *Service) records(ctx context.Context, bucket string) (*recordstore.Store, error) {
	return recordstore.Open(ctx, s.Streams.Client, bucket)
}

// Actor is the person behind an action, and the reason, for the audit log.
type Actor struct {
	Who string
	Why string
}

// action returns an action of this kind by the actor, at this time, for the audit log.
func (a Actor) action(kind string) streams.Action {
	return streams.Action{Kind: kind, At: time.Now().UTC(), Who: a.Who, Why: a.Why}
}
