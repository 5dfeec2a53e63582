package ops

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/schemas"
)

// Foreign returns the mappings of CloudEvents of other systems, in the order of their names. The
// error joins the faults.
func Foreign(c config.Config) (list []*mapping.Foreign, err error) {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(c.From)) {
		f, err := foreign(name, c.From[name])
		for _, fault := range Faults(err) {
			faults = append(faults, fmt.Errorf("from.%s: %w", name, fault))
		}
		list = append(list, f)
	}
	return list, errors.Join(faults...)
}

// Faults returns the errors joined in err.
func Faults(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case ok:
		return joined.Unwrap()
	default:
		return []error{err}
	}
}

func foreign(name string, c config.Foreign) (*mapping.Foreign, error) {
	var rules mapping.Rules
	if err := c.Event.Decode(&rules); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return mapping.NewForeign(name, mapping.ForeignConfig{Types: c.Types, Sources: c.Sources, Rules: rules})
}

// Decoder returns a decoder of messages, with the mappings of CloudEvents of other systems.
func Decoder(c config.Config) (*mailbox.Decoder, error) {
	translate, err := translator(c)
	if err != nil {
		return nil, err
	}
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
	d := mailbox.NewDecoder(translate, set.Validate)
	d.Reader.DropExtensions = c.DropsExtensions()
	return d, nil
}

// translator returns a function that returns the event of a CloudEvent of another system, and
// other events unchanged; nil without such mappings.
func translator(c config.Config) (mailbox.Translate, error) {
	list, err := Foreign(c)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return func(e events.Event) (events.Event, error) { return mapping.TranslateOne(list, e) }, nil
}
