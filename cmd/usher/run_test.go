package main

import (
	"context"

	program "github.com/usherhq/usher" // the tests have a function usher
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/engine"
)

// run runs the command in the arguments of env.
func run(ctx context.Context, env app.Environment) error {
	if env.Environ == nil {
		env.Environ = []string{} // not that of the test
	}
	return program.Run(ctx, program.Options{
		Version: version(), Args: env.Args, Environ: env.Environ, Stdin: env.Stdin, Stdout: env.Stdout, Stderr: env.Stderr,
	})
}

// catalog returns the vendors and the event types of the command.
func catalog() engine.Catalog {
	return engine.Catalog{Vendors: program.Vendors, Handlers: program.Handlers}
}
