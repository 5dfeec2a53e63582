package app

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
)

// ConfigFor loads the configuration for a command that reads these sections only. A fault in the
// sections is a usage error. Faults elsewhere are one line on standard error, and the settings with
// faults have their defaults: people look at a running Usher beside a half-edited file.
func (a *App) ConfigFor(sections ...string) (config.Config, error) {
	c, err := a.load(a.File)
	within, elsewhere := config.Divide(err, sections...)
	for _, fault := range elsewhere {
		if fault.Key == "" && (errors.Is(fault, fs.ErrNotExist) || !slices.ContainsFunc(sections, a.isGiven)) {
			within = append(within, fault)
		}
	}
	switch {
	case len(within) > 0:
		return c, Usage(joined(within))
	case len(elsewhere) > 0:
		c.Reset(elsewhere)
		_, err = fmt.Fprintf(a.Stderr, "usher: the configuration has %s, ignored here: %s; see usher config check\n",
			output.Count(len(elsewhere), "fault"), output.Plain(elsewhere[0].Error(), ""))
		return c, err
	}
	return c, nil
}

// isGiven reports whether a flag or the environment has the address of a section. A command with an
// address needs no readable file.
func (a *App) isGiven(section string) bool {
	switch section {
	case "nats":
		return a.Server != "" || a.NATSContext != "" || a.Getenv("USHER_NATS_URL") != "" || a.Getenv("USHER_NATS_CONTEXT") != ""
	case "http":
		return a.Getenv("USHER_HTTP_ADDR") != ""
	default:
		return false
	}
}

func joined(faults []*config.Error) error {
	list := make([]error, len(faults))
	for i, fault := range faults {
		list[i] = fault
	}
	return errors.Join(list...)
}
