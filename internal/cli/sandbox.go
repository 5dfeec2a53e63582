package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	examples "github.com/usherhq/usher/examples/vendors"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/httpapi/filetest"
	"github.com/usherhq/usher/vendors/sandbox"
)

// sandboxCmd is usher sandbox.
type sandboxCmd struct {
	Addr           string            `default:"127.0.0.1:8090" help:"The address to listen on." placeholder:"HOST:PORT"`
	Faults         float64           `help:"The share of calls with a fault, from 0 to 1." placeholder:"SHARE"`
	Latency        time.Duration     `help:"The mean wait before each call." placeholder:"DURATION"`
	Late           float64           `help:"The share of creations of accounts that are cut off and carried out after --late-by, from 0 to 1." placeholder:"SHARE"`
	LateBy         time.Duration     `help:"The time from the receipt of a creation until it is carried out, if the caller has closed the connection." placeholder:"DURATION"`
	Instance       map[string]string `help:"A further stand-in of a kind, with a name and a state of its own; repeatable." placeholder:"NAME=KIND"`
	File           map[string]string `help:"A further stand-in, made from the description of an API of the kind http; repeatable." placeholder:"NAME=FILE"`
	Seed           uint64            `default:"1" help:"The seed of random faults and waits."`
	DuplicateEmail string            `enum:"422,409,400,existing,second" default:"422" help:"The answer to a creation with an e-mail in use: ${enum}."`
	SecondDelete   string            `enum:"404,200" default:"404" help:"The answer to a second deletion: ${enum}."`
	RepeatEnroll   string            `enum:"ok,error,second" default:"ok" help:"The answer to a second enrolment in a course: ${enum}."`
	RepeatUnenroll string            `enum:"ok,error,404" default:"ok" help:"The answer to the end of an enrolment that does not exist: ${enum}."`
	RepeatRestore  string            `enum:"404,200" default:"404" help:"The answer to a restore of an account that is not deleted: ${enum}."`
	Classes        string            `name:"classifications" enum:"replace,add" default:"replace" help:"The effect of classifications sent to MagLoft: ${enum} to the present ones."`
	EmailPaths     string            `enum:"whole,404" default:"whole" help:"How MagLoft reads an e-mail in a path, as a whole or not at all: ${enum}."`
	MiestroErrors  string            `enum:"status,body" default:"status" help:"How Miestro reports a refusal, in the status or in the body of a 200: ${enum}."`
	LeadShow       string            `enum:"200,404,405" default:"200" help:"The answer of LEAD to the undocumented GET /users/ID: ${enum}."`
	SCIM           map[string]string `name:"scim" help:"A habit of the SCIM stand-in, such as patch=501; repeatable. See docs/scim.md." placeholder:"SWITCH=VALUE"`
	LeadLookup     string            `enum:"email-lookup,email/lookup" default:"email-lookup" help:"The path of LEAD for a look-up by e-mail: ${enum}."`
}

// Help is shown below the flags.
func (sandboxCmd) Help() string {
	return `Answers like Miestro, Meiro, LEAD, MagLoft and Usermost, as far as documented, and keeps all data in memory.
--instance adds further stand-ins, also of SCIM, Moodle, Canvas and an LRS (xapi); --file adds a
stand-in made from a description of an API, which takes any credentials and answers as the file
says: see usher vendors test. /state shows the data. The output is the environment of a usher serve
that uses the sandbox, with the lines for usher.yaml.
POST /control/VENDOR?mode=MODE&for=DURATION makes every call of a vendor fail for a while: refuse
answers 401, down closes the connection; ok ends it. With mode=trouble only calls whose path, query
or body contains user=TEXT are affected: status=CODE, with retry_after=DURATION, is their answer,
and delay=DURATION passes before each.

A complete request is carried out after its latency, even if the caller closes the connection. With
--late-by, a creation of an account whose caller is gone is carried out later still. --late closes
the connection of some creations at once, so that they are carried out after --late-by too.
Callers that wait for the other creations are answered after the latency.

Examples:
  usher sandbox
  usher sandbox --faults 0.05 --latency 20ms
  usher sandbox --late 0.1 --late-by 5s
  usher sandbox --instance school1=miestro --instance school2=miestro
  usher sandbox --instance crm=scim --scim patch=501 --scim taken=400
  usher sandbox --file acme=acme.yaml
  curl -X POST 'http://127.0.0.1:8090/control/lead?mode=down&for=10s'
  curl -X POST 'http://127.0.0.1:8090/control/lead?mode=trouble&user=ada@&status=403&for=1m'
  usher sandbox | tee sandbox.env       and elsewhere: . ./sandbox.env; usher serve`
}

// Run serves the stand-ins until ctx ends.
func (s sandboxCmd) Run(ctx context.Context, a *app.App) error {
	fakes, err := s.fakes()
	if err != nil {
		return err
	}
	stands, err := sandbox.New(sandbox.Config{
		Instances: s.Instance, Fakes: fakes, Seed: s.Seed, Faults: s.Faults, Latency: s.Latency, Late: s.Late, LateBy: s.LateBy,
		Switches: sandbox.Switches{
			DuplicateEmail: s.DuplicateEmail, SecondDelete: s.SecondDelete,
			RepeatEnroll: s.RepeatEnroll, RepeatUnenroll: s.RepeatUnenroll, RepeatRestore: s.RepeatRestore,
			Classifications: s.Classes, EmailPaths: s.EmailPaths, MiestroErrors: s.MiestroErrors,
			LeadLookup: s.LeadLookup, LeadShow: s.LeadShow, SCIM: s.SCIM,
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
	if err := s.printEnviron(a.Stdout, app.Dialable(listener.Addr().String()), stands); err != nil {
		return errors.Join(err, listener.Close())
	}
	return serveHTTP(ctx, listener, stands.Handler())
}

// fakes returns the stand-ins of --file.
func (s sandboxCmd) fakes() (map[string]sandbox.Fake, error) {
	fakes := map[string]sandbox.Fake{}
	for name, path := range s.File {
		f, err := httpapi.Load(path)
		if err != nil {
			return nil, app.Usage(err)
		}
		fakes[name] = filetest.Fake(f, s.DuplicateEmail != "second")
	}
	return fakes, nil
}

// printEnviron prints the addresses of the stand-ins as shell variables, with the lines for usher.yaml.
func (s sandboxCmd) printEnviron(w io.Writer, host string, stands *sandbox.Sandbox) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Stand-ins for the vendors' APIs; their data: http://%s/state\n", host)
	urls, kinds := stands.BaseURLs(host), stands.Kinds()
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		fmt.Fprintf(&b, "# %-9s %s\n", name, urls[name])
	}
	if len(kinds)+len(s.File) > 0 {
		b.WriteString("# For usher.yaml:\n# vendors:\n")
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if _, err := fs.Stat(examples.Files, kinds[name]+".yaml"); err == nil {
			fmt.Fprintf(&b, "#   %s: {kind: http, file: %[2]s.yaml}    # usher vendors new %[2]s > %[2]s.yaml\n", name, kinds[name])
			continue
		}
		fmt.Fprintf(&b, "#   %s: {kind: %s}\n", name, kinds[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.File)) {
		path, err := filepath.Abs(s.File[name])
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "#   %s: {kind: http, file: %q}\n", name, path)
	}
	b.WriteString("# For usher serve:\n")
	for _, variable := range stands.Environ(host) {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// serveHTTP serves until ctx ends, and then waits some seconds for the end of open calls.
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
