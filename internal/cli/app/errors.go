package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// UsageError is a wrong use of usher: its arguments, or its configuration.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// Usage returns err as a UsageError.
func Usage(err error) error { return UsageError{err} }

// ErrSilent ends usher with exit code 1 where all has been said.
var ErrSilent = errors.New("")

// ErrInterrupted is what a command returns that Ctrl-C or SIGTERM ended before its
// work was done.
var ErrInterrupted = errors.New("interrupted")

// Interrupted is err, in one word where it is only that ctx was ended.
func Interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ErrInterrupted
	}
	return err
}

// Advise adds to an error what to do where usher's streams are not there.
func Advise(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w; usher serve makes usher's streams: start it once on this NATS", err)
	}
	return err
}
