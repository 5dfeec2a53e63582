package config

import (
	"errors"
	"strings"
)

// Error is one fault in the settings. The text has no secret.
type Error struct {
	Key      string // in the file, such as worker.ack_wait; "" for a fault without a setting
	Variable string // in the environment, such as USHER_WORKER_ACK_WAIT
	At       string // source of the value, such as usher.yaml:12; "" without a value
	Problem  string // the problem
	Fix      string // the correction
	Err      error  // the cause, if any
}

// Error returns source, setting, problem and correction.
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.At, e.name(), e.Problem} {
		if part != "" && b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(part)
	}
	if e.Fix != "" {
		b.WriteString("; " + e.Fix)
	}
	return b.String()
}

func (e *Error) name() string {
	if e.Variable == "" || e.Variable == e.At {
		return e.Key
	}
	if e.Key == "" {
		return e.Variable
	}
	return e.Key + " (" + e.Variable + ")"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Faults returns the faults in an error of Load, in order.
func Faults(err error) []*Error {
	type joined interface {
		error
		Unwrap() []error
	}
	if many, ok := errors.AsType[joined](err); ok {
		var out []*Error
		for _, e := range many.Unwrap() {
			out = append(out, Faults(e)...)
		}
		return out
	}
	if one, ok := errors.AsType[*Error](err); ok {
		return []*Error{one}
	}
	return nil
}
