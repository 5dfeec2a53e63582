package meiro

import "github.com/usherhq/usher/vendors"

// New returns the adapter of the mode, *Operators or *Customers, or the error of
// Config.Validate.
func New(c Config) (vendors.Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.mode() == ModeCustomers {
		return &Customers{api: NewAPI(c)}, nil
	}
	return &Operators{api: NewAPI(c), own: c.Email}, nil
}
