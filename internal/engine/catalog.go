package engine

import (
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Catalog lists the vendors and the event types of a program.
type Catalog struct {
	// Vendors returns every vendor, with new default settings at each call.
	Vendors func() []Vendor
	// Handlers returns the handler of every event type, for the courses of the
	// configuration and the names of the vendors.
	Handlers func(courses handlers.Courses, vendors []string) []handlers.Handler
}

// Sections returns the default settings of all vendors, for config.Load to fill in.
func (k Catalog) Sections() []config.Section {
	var out []config.Section
	for _, v := range k.Vendors() {
		out = append(out, v.section)
	}
	return out
}

// With returns all vendors, with their settings in c. A vendor without settings in c keeps
// the defaults.
func (k Catalog) With(c *config.Config) []Vendor {
	list := k.Vendors()
	for i, v := range list {
		if s, ok := c.Section(v.Name); ok {
			list[i].section = s
		}
	}
	return list
}

// Names returns the names of all vendors.
func (k Catalog) Names() []string { return names(k.Vendors()) }

// Service returns the operations for people.
func (k Catalog) Service(set *streams.Set, c config.Config) *ops.Service {
	d := ops.Deps{Streams: set, Config: c, Handlers: k.Handlers(handlers.Courses(c.Courses), k.Names())}
	for _, v := range k.With(&c) {
		d.Vendors = append(d.Vendors, ops.Vendor{Name: v.Name, Settings: v.Settings(), Adapter: v.Adapter})
	}
	return ops.New(d)
}

// Vendor is one vendor of a Catalog; see VendorOf.
type Vendor struct {
	Name    string
	section config.Section // its settings
	build   func(config.Settings) (vendors.Adapter, error)
}

// VendorOf returns a vendor from the exports of its package: Defaults() and New.
func VendorOf[C any, A vendors.Adapter, P interface {
	*C
	config.Settings
}](name string, defaults C, build func(C) (A, error)) Vendor {
	return Vendor{
		Name:    name,
		section: config.Section{Name: name, Settings: P(&defaults)},
		build:   func(s config.Settings) (vendors.Adapter, error) { return build(*s.(P)) },
	}
}

// Settings returns the settings shared by all vendors.
func (v Vendor) Settings() vendors.Settings { return v.section.Settings.Common() }

// Adapter returns a new adapter, or an error that names the missing settings.
func (v Vendor) Adapter() (vendors.Adapter, error) { return v.build(v.section.Settings) }
