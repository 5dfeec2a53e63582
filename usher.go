// Package usher runs the command usher, with vendors of the caller's own beside those of this
// module. A program of one page needs no fork:
//
//	func main() {
//		os.Exit(usher.Main(usher.Options{Vendors: func() []usher.Vendor {
//			return append(usher.Vendors(), usher.VendorOf("acme", acme.Defaults(), acme.New))
//		}}))
//	}
//
// The program has all commands, the settings vendors.acme.… and the rules of every vendor. See
// docs/library.md.
package usher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/schemas"
	"github.com/usherhq/usher/vendors"
)

// Vendor is a kind of vendor: the client, with default settings. See VendorOf.
type Vendor = engine.Vendor

// VendorOf returns a vendor from the exports of a package: Defaults() and New. The name is the kind
// in the configuration, and stands in subjects, keys, metrics and variables: lower-case letters and
// digits, a letter first, at most 32. C embeds vendors.Settings, and has the method Needs; see
// docs/adding-a-vendor.md.
func VendorOf[C any, A vendors.Adapter, P interface {
	*C
	config.Settings
}](name string, defaults C, build func(C) (A, error)) Vendor {
	return engine.VendorOf[C, A, P](name, defaults, build)
}

// EventType describes an event type of the program: subject, scope, results and schema.
type EventType = events.Type

// Options are the inputs of a program. The zero value is the command usher of this module, in this
// process.
type Options struct {
	// Vendors returns all vendors, with new default settings at each call. Default: the
	// function Vendors of this package.
	Vendors func() []Vendor
	// Handlers returns a handler for each event type. Default: the function Handlers of this
	// package.
	Handlers func(courses handlers.Courses, vendors []string) []handlers.Handler
	// Types are event types beside those of this module. Handlers must have a handler for each. All
	// calls of Run in a process have the same types.
	Types   []EventType
	Version string // of the program, for usher version; default devel

	Args    []string // without the name of the program; default os.Args[1:]
	Environ []string // NAME=value; default os.Environ()
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// Main runs the command until the end, or until SIGINT or SIGTERM. Main prints an error, and returns
// the exit code.
func Main(o Options) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o = o.complete()
	err := Run(ctx, o)
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(o.Stderr, "usher: "+text)
	}
	return cli.ExitCode(err)
}

// Run runs the command in o.Args until ctx ends. The command serve carries out events.
func Run(ctx context.Context, o Options) error {
	o = o.complete()
	if err := events.SetOwnTypes(o.Types); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	return cli.Run(ctx, app.App{
		Environment: app.Environment{Args: o.Args, Environ: o.Environ, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr},
		Catalog:     engine.Catalog{Vendors: o.Vendors, Handlers: o.Handlers},
		Version:     o.Version,
	})
}

// complete returns o with the defaults.
func (o Options) complete() Options {
	if o.Vendors == nil {
		o.Vendors = Vendors
	}
	if o.Handlers == nil {
		o.Handlers = Handlers
	}
	if o.Version == "" {
		o.Version = "devel"
	}
	if o.Args == nil {
		o.Args = os.Args[1:]
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return o
}

var vendorName = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)

// check returns an error for each vendor without a proper name of its own, for each event type
// without exactly one handler, and for a schema that cannot be compiled.
func (o Options) check() error {
	var faults []error
	if len(o.Types) > 0 {
		_, err := schemas.New()
		faults = append(faults, err)
	}
	seen := map[string]bool{}
	for _, v := range o.Vendors() {
		switch {
		case !vendorName.MatchString(v.Name):
			faults = append(faults, fmt.Errorf("vendor %q: want lower-case letters and digits, a letter first, at most 32", v.Name))
		case seen[v.Name]:
			faults = append(faults, fmt.Errorf("vendor %q is there twice: give one of them another name", v.Name))
		}
		seen[v.Name] = true
	}
	var types []string
	for _, h := range o.Handlers(nil, nil) {
		types = append(types, h.Type)
	}
	slices.Sort(types)
	if wanted := slices.Sorted(slices.Values(events.Types())); !slices.Equal(types, wanted) {
		faults = append(faults, fmt.Errorf("the handlers are for %q: want one for each of %q", types, wanted))
	}
	return errors.Join(faults...)
}
