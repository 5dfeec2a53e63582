package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/sandbox"
)

type sandboxCmd struct {
	Addr           string        `default:"127.0.0.1:8090" help:"Where to listen." placeholder:"HOST:PORT"`
	Faults         float64       `help:"The share of calls that a fault hits, from 0 to 1." placeholder:"SHARE"`
	Latency        time.Duration `help:"The mean wait before each call." placeholder:"DURATION"`
	Late           float64       `help:"The share of creations of accounts that are cut off and land after --late-by, from 0 to 1." placeholder:"SHARE"`
	LateBy         time.Duration `help:"When a creation lands whose caller has gone before the answer, counted from the receipt of the request." placeholder:"DURATION"`
	Seed           uint64        `default:"1" help:"Of the random choice of faults and waits."`
	DuplicateEmail string        `enum:"422,409,400,existing,second" default:"422" help:"What a create answers for an e-mail that is taken: ${enum}."`
	SecondDelete   string        `enum:"404,200" default:"404" help:"What deleting a deleted account answers: ${enum}."`
	RepeatEnroll   string        `enum:"ok,error,second" default:"ok" help:"What a second enrolment in a course does: ${enum}."`
	RepeatUnenroll string        `enum:"ok,error,404" default:"ok" help:"What the end of an enrolment that is not there answers: ${enum}."`
	RepeatRestore  string        `enum:"404,200" default:"404" help:"What restoring an account that is not deleted answers: ${enum}."`
	Classes        string        `name:"classifications" enum:"replace,add" default:"replace" help:"What MagLoft does with the classifications that it is sent: ${enum} those that are there."`
	EmailPaths     string        `enum:"whole,404" default:"whole" help:"What MagLoft makes of an e-mail in a path, taken as it is or not found: ${enum}."`
	MiestroErrors  string        `enum:"status,body" default:"status" help:"Where Miestro says that it refuses a change, in the status or the body of a 200: ${enum}."`
	LeadShow       string        `enum:"200,404,405" default:"200" help:"What LEAD answers to GET /users/ID, which no document has: ${enum}."`
	LeadLookup     string        `enum:"email-lookup,email/lookup" default:"email-lookup" help:"Where LEAD looks users up by e-mail: ${enum}."`
}

// Help is shown below the flags.
func (sandboxCmd) Help() string {
	return `Answers like the five vendors, as far as their documents say, and forgets everything when it
ends. What it holds is shown at /state. It prints the variables that point usher serve at it.
POST /control/VENDOR?mode=MODE&for=DURATION makes every call of a vendor fail for a while: refuse
answers 401, down closes the connection; ok ends it. With mode=trouble only calls whose path, query
or body contains user=TEXT are affected: status=CODE, with retry_after=DURATION, is their answer,
and delay=DURATION passes before each.

A request that has been received whole is carried out after its latency, also if the caller goes
in the meantime. --late-by lets a creation of an account without a caller land later than that.
--late closes the connection of some creations at once, so that they land after --late-by too.
Callers that wait for the other creations are answered after the latency.

Examples:
  usher sandbox
  usher sandbox --faults 0.05 --latency 20ms
  usher sandbox --late 0.1 --late-by 5s
  curl -X POST 'http://127.0.0.1:8090/control/lead?mode=down&for=10s'
  curl -X POST 'http://127.0.0.1:8090/control/lead?mode=trouble&user=ada@&status=403&for=1m'
  usher sandbox | tee sandbox.env       and elsewhere: . ./sandbox.env; usher serve`
}

// Run serves the stand-ins until ctx ends.
func (s sandboxCmd) Run(ctx context.Context, a *app.App) error {
	stands, err := sandbox.New(sandbox.Config{
		Seed: s.Seed, Faults: s.Faults, Latency: s.Latency, Late: s.Late, LateBy: s.LateBy,
		Switches: sandbox.Switches{
			DuplicateEmail: s.DuplicateEmail, SecondDelete: s.SecondDelete,
			RepeatEnroll: s.RepeatEnroll, RepeatUnenroll: s.RepeatUnenroll, RepeatRestore: s.RepeatRestore,
			Classifications: s.Classes, EmailPaths: s.EmailPaths, MiestroErrors: s.MiestroErrors,
			LeadLookup: s.LeadLookup, LeadShow: s.LeadShow,
		},
	})
	if err != nil {
		return app.Usage(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("%w; give another address with --addr", err)
	}
	if err := announce(a.Stdout, app.Dialable(listener.Addr().String()), stands.BaseURLs); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serveHTTP(ctx, listener, stands.Handler())
}

// announce prints where the stand-ins are, as a shell can read it.
func announce(w io.Writer, host string, baseURLs func(host string) map[string]string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Stand-ins for the vendors' APIs; what they hold: http://%s/state\n", host)
	urls := baseURLs(host)
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		fmt.Fprintf(&b, "# %-9s %s\n", name, urls[name])
	}
	b.WriteString("# For usher serve:\n")
	for _, variable := range sandbox.Environ(host) {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// serveHTTP serves until ctx ends, and then lets the calls at hand come to
// their end for some seconds.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const grace = 5 * time.Second
	server := &http.Server{Handler: handler, ReadHeaderTimeout: grace, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", served)
	}
	return err
}
