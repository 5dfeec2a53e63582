// Package app holds the parts shared by all commands of usher: the environment, the
// configuration, the connection to NATS, and the errors that become exit codes.
package app

import (
	"cmp"
	"io"
	"strings"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
)

// Environment holds the inputs and outputs of the process.
type Environment struct {
	Args    []string
	Environ []string // NAME=value
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// App is passed to the Run method of each command.
type App struct {
	Environment
	Catalog engine.Catalog
	Version string
	File    string // of the configuration; empty: ./usher.yaml, if the file exists

	NATSContext string // of the nats command; empty: as in the configuration
	Server      string // addresses of NATS; empty: as in the configuration
}

// Config loads the configuration. All faults of the configuration are one usage error.
func (a *App) Config() (config.Config, error) {
	return a.ConfigAt(a.File)
}

// ConfigAt loads the configuration from a file; see Config.
func (a *App) ConfigAt(path string) (config.Config, error) {
	c, err := a.load(path)
	if err != nil {
		return c, Usage(err)
	}
	return c, nil
}

// flags returns the settings by flags of all commands.
func (a *App) flags() map[string]string {
	flags := map[string]string{}
	if a.NATSContext != "" {
		flags["nats.context"] = a.NATSContext
	}
	if a.Server != "" {
		flags["nats.url"] = a.Server
	}
	return flags
}

func (a *App) load(path string) (config.Config, error) {
	return config.Load(config.Sources{Path: path, Environ: a.Environ, Flags: a.flags(), Vendors: a.Catalog.Sections(), Kinds: a.Catalog.Kinds(), Instance: a.Catalog.Instance})
}

// ConfigPath returns the path of the configuration file. The file need not exist.
func (a *App) ConfigPath() string {
	return cmp.Or(a.File, a.Getenv("USHER_CONFIG"), "usher.yaml")
}

// Logger returns the log, on standard error.
func (a *App) Logger(c config.Log) zerolog.Logger {
	out := a.Stderr
	if c.Format == "console" || (c.Format == "auto" && output.IsTerminal(a.Stderr)) {
		out = zerolog.ConsoleWriter{
			Out: a.Stderr, TimeFormat: "15:04:05", NoColor: !output.IsTerminal(a.Stderr) || a.Getenv("NO_COLOR") != "",
			FieldsOrder: []string{"vendor", "type", "event", "outcome"},
		}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}

// Getenv returns the value of an environment variable; empty if the variable is not set.
func (a *App) Getenv(name string) string {
	for _, variable := range a.Environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// Remark writes a line to standard error if standard output is a terminal.
func (a *App) Remark(text string) {
	if output.IsTerminal(a.Stdout) {
		_, _ = io.WriteString(a.Stderr, text+"\n")
	}
}
