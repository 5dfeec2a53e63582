package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Catalog lists the vendors and the event types of a program.
type Catalog struct {
	// Vendors returns a vendor of every kind, with new default settings at each call. The name is
	// the kind.
	Vendors func() []Vendor
	// Handlers returns the handler of every event type, for the courses of the
	// configuration and the names of the vendors.
	Handlers func(courses handlers.Courses, vendors []string) []handlers.Handler
}

// Sections returns the default settings of a vendor of every kind, for config.Load to fill in.
func (k Catalog) Sections() []config.Section {
	var out []config.Section
	for _, v := range k.Vendors() {
		if !v.kindOnly {
			out = append(out, v.section)
		}
	}
	return out
}

// Kinds returns the kinds without a vendor of that name, for config.Load.
func (k Catalog) Kinds() (names []string) {
	for _, v := range k.Vendors() {
		if v.kindOnly {
			names = append(names, v.Name)
		}
	}
	return names
}

// Instance returns the default settings of a further vendor of a kind, for config.Load.
func (k Catalog) Instance(kind, name string) config.Section {
	for _, v := range k.Vendors() {
		if v.Name == kind {
			v.section.Name = name
			return v.section
		}
	}
	return config.Section{Name: name}
}

// With returns all vendors, with their settings in c: one of each kind, and the further
// instances. A vendor without settings in c keeps the defaults.
func (k Catalog) With(c *config.Config) []Vendor {
	all := k.Vendors()
	kinds := map[string]Vendor{}
	for _, v := range all {
		kinds[v.Name] = v
	}
	list := slices.DeleteFunc(all, func(v Vendor) bool { return v.kindOnly })
	for i, v := range list {
		if s, ok := c.Section(v.Name); ok {
			list[i].section = s
		}
	}
	for _, s := range c.Vendors {
		kind, known := kinds[s.KindName()]
		if known && s.Name != kind.Name {
			list = append(list, Vendor{Name: s.Name, section: s, build: kind.build, reads: kind.reads})
		}
	}
	return list
}

// Names returns the names of all vendors in c.
func (k Catalog) Names(c *config.Config) []string { return names(k.With(c)) }

// Service returns the operations for people.
func (k Catalog) Service(set *streams.Set, c config.Config) *ops.Service {
	d := ops.Deps{Streams: set, Config: c, Handlers: k.Handlers(handlers.Courses(c.Courses), k.Names(&c))}
	for _, v := range k.With(&c) {
		d.Vendors = append(d.Vendors, ops.Vendor{
			Name: v.Name, Settings: v.Settings(), Adapter: v.Adapter, ReadOnly: v.ReadOnly, Team: v.team(), Rules: v.compile,
		})
	}
	return ops.New(d)
}

// Vendor is one vendor of a Catalog, or a further instance; see VendorOf.
type Vendor struct {
	Name    string
	section config.Section // its settings
	build   func(config.Settings) (vendors.Adapter, error)
	// reads builds an adapter that only reads, and reports the refused calls.
	reads func(s config.Settings, refused func(vendors.Request)) (vendors.Adapter, error)
	// kindOnly marks a kind without a vendor of that name.
	kindOnly bool
}

// KindOnly returns v as a kind of further instances only: there is no vendor with the name of the
// kind.
func (v Vendor) KindOnly() Vendor {
	v.kindOnly = true
	return v
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
		reads: func(s config.Settings, refused func(vendors.Request)) (vendors.Adapter, error) {
			only := *s.(P) // the settings are shared with adapters that change the vendor
			P(&only).SetReadOnly(refused)
			return build(only)
		},
	}
}

// Settings returns the settings shared by all vendors.
func (v Vendor) Settings() vendors.Settings { return v.section.Settings.Common() }

// Rules returns the rules of the team for the vendor, with the defaults of the kind.
func (v Vendor) Rules() config.Rules { return v.section.RulesInForce() }

// Adapter returns a new adapter, or an error that names the missing settings.
// The adapter of a vendor in mode shadow only reads.
func (v Vendor) Adapter() (vendors.Adapter, error) {
	if v.Rules().Mode.Is(config.Shadow) {
		v.section.Settings.SetReadOnly(nil)
	}
	return v.build(v.section.Settings)
}

// ReadOnly returns a new adapter that only reads, and calls refused with each refused call.
func (v Vendor) ReadOnly(refused func(vendors.Request)) (vendors.Adapter, error) {
	return v.reads(v.section.Settings, refused)
}

// Check checks the credentials of an adapter of the vendor. A check by a call that an adapter in mode
// shadow refuses is no failure: the vendor was not asked.
func (v Vendor) Check(ctx context.Context, port vendors.Adapter) error {
	if err := port.Check(ctx); !errors.Is(err, vendors.ErrReadOnly) {
		return vendors.Named(v.Name, err)
	}
	return nil
}
