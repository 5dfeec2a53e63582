package app

import (
	"errors"
	"slices"
	"strings"

	"github.com/usherhq/usher/internal/ops"
)

// VendorFlag is the name of a vendor, or empty.
type VendorFlag string

// AfterApply refuses what is no vendor's name. The parser calls it.
func (f VendorFlag) AfterApply(a *App) error { return a.KnownVendors(string(f)) }

// Required refuses an empty name.
func (f VendorFlag) Required() error {
	if f == "" {
		return errors.New("which vendor?")
	}
	return nil
}

// PlaceFlag is the name of a vendor, or what stands for deliveries, or empty.
type PlaceFlag string

// AfterApply refuses what is neither. The parser calls it.
func (f PlaceFlag) AfterApply(a *App) error {
	if f == ops.Deliveries {
		return nil
	}
	return a.KnownVendors(string(f))
}

// KnownVendors returns an error where one of names is no vendor's. Empty names
// do not count.
func (a *App) KnownVendors(names ...string) error {
	known := a.Catalog.Names()
	for _, name := range names {
		if name != "" && !slices.Contains(known, name) {
			return errors.New("there is no vendor " + name + ": want one of " + strings.Join(known, ", "))
		}
	}
	return nil
}
