package main

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/config"
)

// app is what every command works with.
type app struct {
	surroundings
	file string // of the configuration; empty: ./usher.yaml, where it is there
}

// config loads the configuration. All of its faults come as one usage error.
func (a *app) config() (config.Config, error) {
	c, err := config.Load(a.sources())
	if err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// sources is where the settings come from, for all vendors that there are.
func (a *app) sources() config.Sources {
	return config.Sources{Path: a.file, Environ: a.Environ, Vendors: sections()}
}

// logger returns the log, on standard error.
func (a *app) logger(c config.Log) zerolog.Logger {
	out := a.Stderr
	if c.Format == "console" || (c.Format == "auto" && terminal(a.Stderr)) {
		out = zerolog.ConsoleWriter{Out: a.Stderr, TimeFormat: "15:04:05", NoColor: !terminal(a.Stderr) || a.getenv("NO_COLOR") != ""}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger()
}

// getenv returns a variable of the environment.
func (a *app) getenv(name string) string {
	for _, variable := range a.Environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// terminal tells whether w is one: only there are tables, bars and colours drawn.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
