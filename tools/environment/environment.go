// Package environment starts nats-server, the stand-in of a vendor and processes of usher
// serve for a suite that judges from outside, and publishes the events of the suite.
package environment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
)

// Binaries are the programs that an environment starts.
type Binaries struct {
	Usher string
	NATS  string
}

// Build builds the programs into dir, usher with the given flags of go build.
func Build(ctx context.Context, dir string, flags ...string) (Binaries, error) {
	b := Binaries{Usher: filepath.Join(dir, "usher"), NATS: filepath.Join(dir, "nats-server")}
	return b, errors.Join(process.Build(ctx, b.Usher, process.Usher, flags...), process.Build(ctx, b.NATS, process.NATS))
}

// Config describes an environment.
type Config struct {
	Binaries Binaries
	Dir      string   // of logs, configuration and the store of NATS
	Vendor   string   // the only vendor that is on
	Settings []string // of usher serve, as NAME=value
	Courses  map[string]map[string]string
}

// Environment is nats-server and the stand-in of a vendor, both running, and any number of
// processes of usher serve. An Environment is for a single goroutine.
type Environment struct {
	JS     jetstream.JetStream
	Writer scenario.Writer // of the events to publish

	config    Config
	sandbox   string // address of the stand-in
	environ   []string
	processes []*process.Process
	nc        *nats.Conn
	results   []*Results
	published int // of the writer's events
}

// Start starts nats-server and the stand-in. The caller closes the environment, after an
// error too.
func Start(ctx context.Context, c Config) (*Environment, error) {
	e := &Environment{config: c}
	file := filepath.Join(c.Dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(scenario.CourseFile(c.Courses)), 0o600); err != nil {
		return e, err
	}
	e.environ = []string{"USHER_CONFIG=" + file, "USHER_LOG_FORMAT=json", "USHER_HTTP_ADDR=127.0.0.1:0", "USHER_HTTP_EVENTS=false"}
	for _, start := range []func(context.Context) error{e.startNATS, e.startSandbox} {
		if err := start(ctx); err != nil {
			return e, err
		}
	}
	e.environ = append(e.environ, c.Settings...)
	return e, nil
}

// program is a program to start.
type program struct {
	name    string // of the log
	file    string
	environ []string
	args    []string
	before  string // the text before the address in the log
}

// start starts a program that listens on a port of its own choice, and returns the
// address, which the program prints behind the text in its log.
func (e *Environment) start(ctx context.Context, p program) (started *process.Process, addr string, err error) {
	log := filepath.Join(e.config.Dir, p.name+".log")
	started, err = process.Start(log, p.environ, p.file, p.args...)
	if err != nil {
		return nil, "", err
	}
	e.processes = append(e.processes, started)
	pattern := regexp.MustCompile(regexp.QuoteMeta(p.before) + `(127\.0\.0\.1:\d+)`)
	err = e.Until(ctx, 0, p.name+" listens", func() bool {
		text, _ := os.ReadFile(log) // not there yet is like empty
		found := pattern.FindSubmatch(text)
		if found != nil {
			addr = string(found[1])
		}
		return found != nil
	})
	return started, addr, err
}

// startNATS starts nats-server and connects to it.
func (e *Environment) startNATS(ctx context.Context) error {
	_, addr, err := e.start(ctx, program{
		name: "nats", file: e.config.Binaries.NATS, before: "client connections on ",
		args: []string{"-a", "127.0.0.1", "-p", "-1", "-js", "-sd", filepath.Join(e.config.Dir, "store")},
	})
	if err != nil {
		return err
	}
	e.environ = append(e.environ, "USHER_NATS_URL=nats://"+addr)
	e.nc, err = nats.Connect("nats://"+addr, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	if e.JS, err = jetstream.New(e.nc); err != nil {
		return err
	}
	return e.Until(ctx, 0, "JetStream answers", func() bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := e.JS.AccountInfo(ctx)
		return err == nil
	})
}

// Until waits until ok returns true, while the processes live. A limit of 0 is two minutes.
func (e *Environment) Until(ctx context.Context, limit time.Duration, text string, ok func() bool) error {
	return process.Wait{For: text, Limit: limit, Poll: 20 * time.Millisecond, Needs: e.needed()}.Until(ctx, ok)
}

// needed returns the processes that must not end.
func (e *Environment) needed() []*process.Process {
	return slices.DeleteFunc(slices.Clone(e.processes), (*process.Process).EndExpected)
}

// Alive returns an error if a process has ended by itself.
func (e *Environment) Alive() error {
	for _, p := range e.needed() {
		if p.Ended() {
			return p.DiedError()
		}
	}
	return nil
}

// Publish stores the events written since the last time, in order.
func (e *Environment) Publish(ctx context.Context) error {
	if e.Writer.Err != nil {
		return e.Writer.Err
	}
	for _, event := range e.Writer.Events[e.published:] {
		m, err := scenario.Publication{Event: event}.Message()
		if err != nil {
			return err
		}
		if _, err := e.JS.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			return fmt.Errorf("publish %s: %w", event.ID(), err)
		}
	}
	e.published = len(e.Writer.Events)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-e.JS.PublishAsyncComplete():
		return nil
	}
}

// Last returns the id of the event written last.
func (e *Environment) Last() string { return e.Writer.Events[len(e.Writer.Events)-1].ID() }

// Close ends all processes.
func (e *Environment) Close() {
	for _, r := range e.results {
		r.close()
	}
	if e.nc != nil {
		e.nc.Close()
	}
	for _, p := range e.processes {
		p.Kill()
	}
}
