// Package process starts, stops, kills, freezes and measures real programs for the benchmarks and
// the chaos suite.
package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is a running program. The program ends with the parent process.
type Process struct {
	name     string
	cmd      *exec.Cmd
	log      string
	expected atomic.Bool
	done     chan struct{}
	cpu      time.Duration
}

// Start starts a program. The environment contains only the USHER_ variables of environ. The output
// is appended to the file log.
func Start(log string, environ []string, program string, args ...string) (*Process, error) {
	return Command{Log: log, Environ: environ, Program: program, Args: args}.Start()
}

// Command is a program to start.
type Command struct {
	Log     string   // the file for the output
	Environ []string // the USHER_ variables
	Program string
	Args    []string
	Dir     string              // working directory; empty: the one of this process
	User    *syscall.Credential // nil: the user of this process
}

// Start starts the program, like the function Start.
func (c Command) Start() (*Process, error) {
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has a copy of the descriptor
	p := &Process{name: strings.TrimSuffix(filepath.Base(c.Log), ".log"), log: c.Log, done: make(chan struct{})}
	// No context ends the program: a cancelled context would prevent a graceful shutdown.
	p.cmd = exec.CommandContext(context.Background(), c.Program, c.Args...) //nolint:gosec // built here, or named by the user
	p.cmd.Dir = c.Dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "USHER_") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, c.Environ...)
	p.cmd.Stdout = out
	p.cmd.Stderr = out
	p.cmd.SysProcAttr = bound()
	p.cmd.SysProcAttr.Credential = c.User
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // DiedError reports the output instead
		p.cpu = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
		close(p.done)
	}()
	return p, nil
}

// Done returns a channel that is closed after the end of the program.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExpectEnd marks a coming end of the program as expected. Stop and Kill call ExpectEnd.
func (p *Process) ExpectEnd() { p.expected.Store(true) }

// EndExpected reports whether an end of the program is expected.
func (p *Process) EndExpected() bool { return p.expected.Load() }

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// CPU returns the CPU time used by the program. The program must have ended.
func (p *Process) CPU() time.Duration { return p.cpu }

// ExitCode returns the exit code of the program, or -1 after a signal. The program must have ended.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// signal sends a signal to the program, unless the program has ended.
func (p *Process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Freeze suspends the program until Thaw.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw resumes a frozen program.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// Reload asks the program to read its configuration again.
func (p *Process) Reload() { p.signal(syscall.SIGHUP) }

// Kill ends the program like a crash, frozen or not.
func (p *Process) Kill() {
	p.ExpectEnd()
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop ends the program gracefully. After limit Stop kills the program and returns an error.
func (p *Process) Stop(limit time.Duration) error {
	p.ExpectEnd()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, limit)
	}
}

// Output returns the end of the program's output.
func (p *Process) Output() string {
	const most = 800
	f, err := os.Open(p.log)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return strings.TrimSpace(string(text))
}

// DiedError returns the error for a program that ended without being stopped.
func (p *Process) DiedError() error {
	return fmt.Errorf("%s ended without being stopped: %s", p.name, p.Output())
}
