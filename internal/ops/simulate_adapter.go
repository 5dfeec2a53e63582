package ops

import (
	"context"

	"github.com/usherhq/usher/vendors"
)

// simulatedVendor stands for the adapter of a vendor in a simulation: no vendor is called, each
// change succeeds, and only the records have accounts. Ports that the real adapter lacks are
// unsupported.
type simulatedVendor struct {
	shadow bool         // changes are refused
	wrote  vendors.User // the data of the last creation or update
}

// newSimulated returns the stand-in of an adapter, with the ports that decide the way of a handler.
func newSimulated(adapter vendors.Adapter, shadow bool) (*simulatedVendor, vendors.Adapter) {
	v := &simulatedVendor{shadow: shadow}
	_, creates := vendors.Port[vendors.Provisioner](adapter)
	_, updates := vendors.Port[vendors.Updater](adapter)
	addresser, ours := vendors.Port[vendors.Addresser](adapter)
	_, deletes := vendors.Port[vendors.Deprovisioner](adapter)
	_, disables := vendors.Port[vendors.Disabler](adapter)
	type deleter = simulatedDeleter
	switch {
	case !creates || !updates:
		return v, partial{}
	case ours && !deletes:
		return v, struct {
			*simulatedVendor
			vendors.Addresser
		}{v, addresser}
	case ours && disables:
		return v, struct {
			*simulatedVendor
			deleter
			simulatedDisabler
			vendors.Addresser
		}{v, deleter{v}, simulatedDisabler{v}, addresser}
	case ours:
		return v, struct {
			*simulatedVendor
			deleter
			vendors.Addresser
		}{v, deleter{v}, addresser}
	case disables:
		return v, struct {
			*simulatedVendor
			deleter
			simulatedDisabler
		}{v, deleter{v}, simulatedDisabler{v}}
	case deletes:
		return v, struct {
			*simulatedVendor
			deleter
		}{v, deleter{v}}
	}
	return v, v
}

// partial is the stand-in of an adapter that does not create and update accounts: nothing is simulated.
type partial struct{}

// Check checks nothing.
func (partial) Check(context.Context) error { return nil }

// Check checks nothing.
func (*simulatedVendor) Check(context.Context) error { return nil }

// Find finds nobody: only the records are known.
func (*simulatedVendor) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

// Create keeps the data.
func (v *simulatedVendor) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	v.wrote = u
	return vendors.Account{ID: "simulated"}, v.change()
}

// Update keeps the data.
func (v *simulatedVendor) Update(_ context.Context, _ vendors.Origin, _ vendors.Account, u vendors.User) error {
	v.wrote = u
	return v.change()
}

// simulatedDeleter adds the port vendors.Deprovisioner.
type simulatedDeleter struct{ v *simulatedVendor }

// Delete succeeds.
func (d simulatedDeleter) Delete(context.Context, vendors.Origin, vendors.Account) error {
	return d.v.change()
}

// change refuses a change at a vendor in mode shadow.
func (v *simulatedVendor) change() error {
	if v.shadow {
		return vendors.ErrReadOnly
	}
	return nil
}

// simulatedDisabler adds the port vendors.Disabler.
type simulatedDisabler struct{ v *simulatedVendor }

// Disable succeeds.
func (d simulatedDisabler) Disable(context.Context, vendors.Origin, vendors.Account) error {
	return d.v.change()
}

// Enable succeeds.
func (d simulatedDisabler) Enable(context.Context, vendors.Origin, vendors.Account) error {
	return d.v.change()
}
