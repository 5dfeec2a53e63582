package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// hertz is in what parts of a second Linux tells CPU time.
const hertz = 100

// bound makes a process end with the bench, whatever ends that, and keeps
// Ctrl-C from it: the bench ends its processes in their order.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// memory is what the process has in memory now, and has had at most, in bytes;
// 0 where that is not known. The system's figure for an ended child will not
// do: it is never below what the parent had when it made the child.
func (p *process) memory() (now, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
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

// machineCPU is the seconds of CPU that the machine has used, and could have, of
// all its cores; 0 where that is not known.
func machineCPU() (busy, all float64) {
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

// processCPU is the seconds of CPU that a process has used.
func processCPU(pid int) float64 {
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
