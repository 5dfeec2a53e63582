package main

import (
	"context"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// newDesk is what a person may see and do, over the streams.
func newDesk(set *streams.Set, c config.Config) *ops.Desk {
	d := ops.Deps{Streams: set, Config: c}
	var names []string
	for _, v := range vendorList(&c) {
		names = append(names, v.name)
		d.Vendors = append(d.Vendors, ops.Vendor{Name: v.name, Settings: v.settings(), Adapter: v.adapter})
	}
	d.Handlers = handlerList(handlers.Courses(c.Courses), names)
	return ops.New(d)
}

// desk reaches NATS; end closes the connection.
func (a *app) desk(ctx context.Context) (d *ops.Desk, end func(), err error) {
	c, set, end, err := a.reach(ctx)
	if err != nil {
		return nil, nil, err
	}
	return newDesk(set, c), end, nil
}
