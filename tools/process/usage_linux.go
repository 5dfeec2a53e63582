package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// hertz is the unit of CPU time in Linux: so many are a second.
const hertz = 100

// bound makes a program end with its parent, and keeps Ctrl-C from it: the parent
// stops its programs in order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Memory returns the memory of the running program, now and at its peak, in bytes,
// 0 if unknown. The system's figure for an ended child is of no use: it is never
// below the memory of the parent at the fork.
func (p *Process) Memory() (now, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		return 0, 0
	}
	return kilobytes(text, "VmRSS:"), kilobytes(text, "VmHWM:")
}

func kilobytes(text []byte, name string) int64 {
	_, rest, _ := bytes.Cut(text, []byte("\n"+name))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[0]), 10, 64)
	return n << 10
}

// MachineCPU returns the CPU seconds of all cores, used and in all; 0 if unknown.
func MachineCPU() (busy, all float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range bytes.Fields(line) {
		n, err := strconv.ParseFloat(string(field), 64)
		if err != nil || i > 8 { // the name; what guests use is in the others
			continue
		}
		all += n / hertz
		if i != 4 && i != 5 { // idle, or waiting for a disk
			busy += n / hertz
		}
	}
	return busy, all
}

// CPUOf returns the CPU seconds used by a process so far; 0 if unknown.
func CPUOf(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from the third field on
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(string(fields[11]), 64)
	system, _ := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / hertz
}
