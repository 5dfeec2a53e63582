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

// PlaceFlag is the place of dead letters: the name of a vendor, streams.EventPlace, ops.Deliveries, or
// empty.
type PlaceFlag string

// AfterApply returns an error for an unknown place. The parser calls AfterApply.
func (f PlaceFlag) AfterApply(a *App) error {
	if f == ops.Deliveries || f == streams.EventPlace {
		return nil
	}
	return a.KnownVendors(string(f))
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
