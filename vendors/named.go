package vendors

import (
	"errors"
	"strings"
)

// named is an error with the name of a vendor instead of the kind.
type named struct {
	text  string
	first *Error // with the name
	whole error
}

// Named returns an error whose text names a vendor: the errors of an adapter have the kind of the
// vendor, and several vendors may be of one kind. The causes stay the same.
func Named(name string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Vendor == name {
		return err
	}
	first := *e
	first.Vendor, first.Err = name, Named(name, e.Err)
	return &named{strings.ReplaceAll(err.Error(), e.Error(), first.Error()), &first, err}
}

// Error returns the text with the name.
func (n *named) Error() string { return n.text }

// Unwrap returns the renamed Error, and the causes.
func (n *named) Unwrap() []error { return []error{n.first, n.whole} }
