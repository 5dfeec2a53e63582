package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs beside the bench and ends with it.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string // where all goes that it prints
	done chan struct{}
	cpu  time.Duration // used in its life; known once done is closed
}

// start runs a program with no variables for usher but those of environ.
func start(dir, name string, environ []string, program string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the program has its own copy
	// Its end is a matter of signals: a context would kill it before it can tell.
	p.cmd = exec.CommandContext(context.Background(), program, args...) //nolint:gosec // this binary, or one that was named to be measured
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "USHER_") {
			p.cmd.Env = append(p.cmd.Env, variable)
		}
	}
	p.cmd.Env = append(p.cmd.Env, environ...)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = out, out, bound()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // what it printed says more
		p.cpu = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
		close(p.done)
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end, and kills it where it does not.
func (p *process) stop() error {
	const limit = 20 * time.Second
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(limit):
		return errors.Join(p.kill(), fmt.Errorf("%s did not end within %s of SIGTERM", p.name, limit))
	}
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

// said is the end of what the process has printed.
func (p *process) said() string {
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

// died is the error of a process that ended though nobody told it to.
func (p *process) died() error {
	return fmt.Errorf("%s has ended, which nobody told it to: %s", p.name, p.said())
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

// until asks ok again and again, for as long as limit; the processes must live.
func until(ctx context.Context, limit time.Duration, what string, ok func() bool, needs ...*process) error {
	for deadline := time.Now().Add(limit); !ok(); {
		for _, p := range needs {
			if p.ended() {
				return p.died()
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %s it is not so that %s", limit, what)
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
