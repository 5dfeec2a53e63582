package main

import (
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/usermost"
)

// vendorList is THE list of vendors, with their settings in c, or with their
// defaults where c has none. A further vendor is a folder below vendors/ and a
// line here: see docs/adding-a-vendor.md.
func vendorList(c *config.Config) []vendor {
	list := []vendor{
		of("miestro", miestro.Defaults(), miestro.New),
		of("meiro", meiro.Defaults(), meiro.New),
		of("lead", lead.Defaults(), lead.New),
		of("magloft", magloft.Defaults(), magloft.New),
		of("usermost", usermost.Defaults(), usermost.New),
	}
	for i, v := range list {
		if s, ok := c.Section(v.name); ok {
			list[i].section = s
		}
	}
	return list
}

// handlerList is THE list of event types.
func handlerList(courses handlers.Courses, names []string) []handlers.Handler {
	return []handlers.Handler{
		handlers.UserCreated(),
		handlers.UserUpdated(),
		handlers.UserDeleted(),
		handlers.UserRestored(),
		handlers.EnrollmentRequested(courses, names),
		handlers.EnrollmentCancelled(courses, names),
		handlers.ActivityTracked(),
	}
}

// vendor is one entry of the list.
type vendor struct {
	name    string
	section config.Section // where its settings stand
	build   func(config.Settings) (vendors.Adapter, error)
}

// of makes an entry from what a vendor's folder exports: Defaults and New.
func of[C any, A vendors.Adapter, P interface {
	*C
	config.Settings
}](name string, defaults C, build func(C) (A, error)) vendor {
	return vendor{
		name:    name,
		section: config.Section{Name: name, Settings: P(&defaults)},
		build:   func(s config.Settings) (vendors.Adapter, error) { return build(*s.(P)) },
	}
}

// settings are those that every vendor has.
func (v vendor) settings() vendors.Settings { return v.section.Settings.Common() }

// adapter returns a new adapter, or an error that names what is missing.
func (v vendor) adapter() (vendors.Adapter, error) { return v.build(v.section.Settings) }

// sections returns the defaults of all vendors, for config.Load to fill in.
func sections() []config.Section {
	var out []config.Section
	for _, v := range vendorList(&config.Config{}) {
		out = append(out, v.section)
	}
	return out
}
