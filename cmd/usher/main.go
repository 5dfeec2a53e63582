// Command usher carries out user lifecycle events at SaaS vendors, each exactly once. See
// README.md, or run usher --help.
package main

import (
	"os"
	"runtime/debug"

	program "github.com/usherhq/usher" // the tests have a function usher
)

func main() { os.Exit(start()) }

// start runs usher in this process, and returns the exit code.
func start() int { return program.Main(program.Options{Version: version()}) }

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
