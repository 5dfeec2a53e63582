package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// hertz is the number of ticks of CPU time per second in Linux.
const hertz = 100

// bound returns attributes that end a program with the parent, and protect the program from Ctrl-C:
// the parent stops all programs in order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Memory returns the present and the peak memory of the running program in bytes, 0 if unknown. The
// system's figure after the end is useless: never below the memory of the parent at the fork.
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

// MachineCPU returns the used and the available CPU seconds of all cores; 0 if unknown.
func MachineCPU() (busy, all float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range bytes.Fields(line) {
		n, err := strconv.ParseFloat(string(field), 64)
		if err != nil || i > 8 { // the name, or the time of guests, contained in other fields
			continue
		}
		all += n / hertz
		if i != 4 && i != 5 { // idle, or waiting for a disk
			busy += n / hertz
		}
	}
	return busy, all
}

// CPUOf returns the CPU seconds used by a process; 0 if unknown.
func CPUOf(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // without the first two fields
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(string(fields[11]), 64)
	system, _ := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / hertz
}
