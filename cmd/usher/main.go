// Command usher carries out user lifecycle events at SaaS vendors, each exactly once. See
// README.md, or run usher --help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
)

func main() { os.Exit(start()) }

// start runs usher in this process, and returns the exit code.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, app.Environment{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "usher: "+text)
	}
	return cli.ExitCode(err)
}

// run runs the command in the arguments of env.
func run(ctx context.Context, env app.Environment) error {
	return cli.Run(ctx, app.App{Environment: env, Catalog: catalog(), Version: version()})
}

// release is set by the build: -ldflags "-X main.release=v1.2.3".
var release string

// version returns the release, or else the version of the module in the build information: a
// release, a commit, or "devel".
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
