package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// UsageError is a fault of the arguments or of the configuration.
type UsageError struct{ error }

func (e UsageError) Unwrap() error { return e.error }

// Usage returns err as a UsageError.
func Usage(err error) error { return UsageError{err} }

// ErrSilent ends usher with exit code 1 and without a message.
var ErrSilent = errors.New("")

// ErrFindings ends usher with exit code 3 and without a message: the command has printed findings
// that a person should see before a change.
var ErrFindings = fmt.Errorf("%w", ErrSilent)

// ErrInterrupted is returned by a command that Ctrl-C or SIGTERM ended too early.
var ErrInterrupted = errors.New("interrupted")

// Interrupted returns ErrInterrupted if err only says that ctx was canceled, and err otherwise.
func Interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return ErrInterrupted
	}
	return err
}

// Advise adds advice to the error of a missing stream: usher serve creates usher's streams.
func Advise(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w; usher serve makes usher's streams: start it once on this NATS", err)
	}
	return err
}
