package app

import (
	"errors"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// VendorFlag is the name of a vendor, or empty.
type VendorFlag string

// AfterApply returns an error for an unknown name. The parser calls AfterApply.
func (f VendorFlag) AfterApply(a *App) error { return a.KnownVendors(string(f)) }

// Required returns an error for an empty name.
func (f VendorFlag) Required() error {
	if f == "" {
		return errors.New("which vendor?")
	}
	return nil
}

// VendorFlags are names of vendors.
type VendorFlags []string

// AfterApply returns an error for an unknown name. The parser calls AfterApply.
func (f VendorFlags) AfterApply(a *App) error { return a.KnownVendors(f...) }

// Required returns an error without a name, or for an empty name.
func (f VendorFlags) Required() error {
	if len(f) == 0 || slices.Contains(f, "") {
		return errors.New("which vendor?")
	}
	return nil
}

// PlaceFlags are places of dead letters: names of vendors, streams.EventPlace and ops.Deliveries.
type PlaceFlags []string

// AfterApply returns an error for an unknown place. The parser calls AfterApply.
func (f PlaceFlags) AfterApply(a *App) error {
	vendors := slices.DeleteFunc(slices.Clone(f), func(name string) bool { return name == ops.Deliveries || name == streams.EventPlace })
	return a.KnownVendors(vendors...)
}

// KnownVendors returns an error if the configuration has no vendor of one of the names. Empty
// names are ignored. Faults of the configuration are left to the command.
func (a *App) KnownVendors(names ...string) error {
	if !slices.ContainsFunc(names, func(name string) bool { return name != "" }) {
		return nil
	}
	c, _ := a.Config()
	known := a.Catalog.Names(&c)
	for _, name := range names {
		if name != "" && !slices.Contains(known, name) {
			return errors.New("there is no vendor " + name + ": want one of " + strings.Join(known, ", "))
		}
	}
	return nil
}
