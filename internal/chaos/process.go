package chaos

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a program that runs.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string
	asked atomic.Bool // whether its end is our doing
	done  chan struct{}
}

// start runs a program with nothing of our own USHER_ variables in its
// environment. What it prints goes to the log.
func start(log string, environ []string, program string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has its own copy
	cmd := command(program, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "USHER_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, environ...)
	cmd.Stdout, cmd.Stderr = out, out
	p := &process{name: filepath.Base(log), cmd: cmd, log: log, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() { _ = cmd.Wait(); close(p.done) }()
	return p, nil
}

// command makes a program that outlives every context: its end is a matter of
// signals.
func command(program string, args ...string) *exec.Cmd {
	return exec.CommandContext(context.Background(), program, args...)
}

// signal sends a signal; a process that has ended takes none.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the process as a crash does, be it paused or not.
func (p *process) kill() {
	p.asked.Store(true)
	p.signal(syscall.SIGKILL)
	<-p.done
}

// stop asks the process to end, and kills it where it does not within limit.
func (p *process) stop(limit time.Duration) error {
	p.asked.Store(true)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		p.kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, limit)
	}
}

// freeAddr returns an address of loopback that nobody listens on.
func freeAddr(ctx context.Context) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
