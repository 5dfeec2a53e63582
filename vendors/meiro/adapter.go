package meiro

import "github.com/usherhq/usher/vendors"

// New returns the adapter of c.Mode, *Operators or *Customers, or an error that
// names everything missing.
func New(c Config) (vendors.Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.mode() == ModeCustomers {
		return &Customers{api: NewAPI(c)}, nil
	}
	return &Operators{api: NewAPI(c), own: c.Email}, nil
}
