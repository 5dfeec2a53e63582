package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Fault is a mistake in a file.
//
//nolint:errname // the name of the field, as in package config
type Fault struct {
	File    string // name of the file
	Line    int    // from 1
	Key     string // such as create.json.email
	Problem string // the problem
	Fix     string // the correction
	Warning bool   // whether the file may be right
}

// Error returns file, line, key, problem and correction.
func (f *Fault) Error() string {
	text := fmt.Sprintf("%s:%d: ", f.File, f.Line)
	if f.Warning {
		text += "warning: "
	}
	if f.Key != "" {
		text += f.Key + ": "
	}
	return text + f.Problem + "; " + f.Fix
}

// Located returns the place, the key, the problem and the correction.
func (f *Fault) Located() (at, key, problem, fix string) {
	return fmt.Sprintf("%s:%d", f.File, f.Line), f.Key, f.Problem, f.Fix
}

// Faults returns the faults in an error of Load or Lint, in the order of the file.
func Faults(err error) []*Fault {
	type joined interface {
		error
		Unwrap() []error
	}
	if many, ok := errors.AsType[joined](err); ok {
		var out []*Fault
		for _, e := range many.Unwrap() {
			out = append(out, Faults(e)...)
		}
		return out
	}
	if one, ok := errors.AsType[*Fault](err); ok {
		return []*Fault{one}
	}
	return nil
}

// joinFaults returns the faults in the order of their lines as one error, or nil.
func joinFaults(list []*Fault) error {
	slices.SortStableFunc(list, func(a, b *Fault) int { return cmp.Compare(a.Line, b.Line) })
	all := make([]error, 0, len(list))
	for _, f := range list {
		all = append(all, f)
	}
	return errors.Join(all...)
}
