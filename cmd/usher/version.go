package main

import "runtime/debug"

// release is the version that the build was told, by -ldflags -X main.release=v1.2.3.
var release string

// version is what the build was told, or that of the module that this binary was
// built from: a release, a commit, or "devel".
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
