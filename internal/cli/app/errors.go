package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
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

// noStreams is the advice for a missing stream or bucket.
const noStreams = "usher serve makes usher's streams: start it once on this NATS, or wait until it has started"

// adviceError is an error in other words.
type adviceError struct {
	text string
	error
}

func (e adviceError) Error() string { return e.text }
func (e adviceError) Unwrap() error { return e.error }

// Advise replaces the text of the error of a missing stream or bucket by advice: usher serve creates
// both. The name stays, the codes of NATS do not.
func Advise(err error) error {
	missing := []error{streams.ErrNoStream, jetstream.ErrStreamNotFound, jetstream.ErrBucketNotFound}
	if !slices.ContainsFunc(missing, func(cause error) bool { return errors.Is(err, cause) }) {
		return err
	}
	name, named := err.Error(), false
	for _, text := range []string{": " + streams.ErrNoStream.Error(), ": nats: "} {
		var cut bool
		name, _, cut = strings.Cut(name, text)
		named = named || cut
	}
	if !named {
		return adviceError{noStreams, err}
	}
	return adviceError{noStreams + " (not there: " + name + ")", err}
}
