package meiro

import "context"

// Adapter is what New returns: *Operators or *Customers. What more it can do,
// a caller finds out by a type assertion.
type Adapter interface {
	// Check shows that Meiro takes what Usher was given.
	Check(ctx context.Context) error
}

// New returns the adapter of c.Mode, or an error that names all that is missing.
func New(c Config) (Adapter, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.mode() == ModeCustomers {
		return &Customers{api: NewAPI(c)}, nil
	}
	return &Operators{api: NewAPI(c), own: c.Email}, nil
}
