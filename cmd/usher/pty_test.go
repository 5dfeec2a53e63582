package main

import (
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usherhq/usher/internal/natstest"
)

// pty is a terminal of 80 columns: what is written to keyboard is typed, and what
// is shown on it comes to screen.
type pty struct {
	*os.File // for the command

	keyboard io.Writer
	screen   *natstest.Log
	closed   chan struct{}
	master   *os.File
}

func newPTY(t testing.TB) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	unlock := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	n, err := unix.IoctlGetUint32(int(master.Fd()), unix.TIOCGPTN)
	if err != nil || unlock != nil {
		t.Fatal(err, unlock)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	p := &pty{File: terminal, keyboard: master, screen: &natstest.Log{}, closed: make(chan struct{}), master: master}
	go func() {
		defer close(p.closed)
		_, _ = io.Copy(p.screen, master) // ends when the terminal is closed
	}()
	t.Cleanup(func() { p.text() })
	return p
}

// text closes the terminal, and returns all that was shown on it.
func (p *pty) text() string {
	_ = p.Close()
	<-p.closed
	_ = p.master.Close()
	return p.screen.String()
}
