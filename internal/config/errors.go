package config

import (
	"errors"
	"strings"
)

// Error is one fault in the settings. Its text holds no secret.
type Error struct {
	Key      string // in the file, such as worker.ack_wait; empty where the fault is no setting's
	Variable string // in the environment, such as USHER_WORKER_ACK_WAIT
	At       string // where the value came from, such as usher.yaml:12; empty where it came from nowhere
	Problem  string // what is wrong
	Fix      string // what to do
	Err      error  // the cause, where there is one
}

// Error says where, which setting, what is wrong, and what to do.
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

// Faults returns the faults in an error that Load returned, in its order.
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
