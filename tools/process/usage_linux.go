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
	own, _ := cpuOf(pid)
	return own
}

// cpuOf returns the CPU seconds used by a process, and by those of its children that have ended.
func cpuOf(pid int) (own, ended float64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // without the first two fields
	if len(fields) < 15 {
		return 0, 0
	}
	seconds := func(field int) float64 {
		ticks, _ := strconv.ParseFloat(string(fields[field]), 64)
		return ticks / hertz
	}
	return seconds(11) + seconds(12), seconds(13) + seconds(14)
}

// tree returns the ids of a process and its descendants. Children of a process with several threads
// are found only if the first thread has started them.
func tree(pid int) []int {
	list := []int{pid}
	for i := 0; i < len(list); i++ {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", list[i], list[i])) // none after the end
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// TreeCPU returns the CPU seconds used by the running program and its descendants.
func (p *Process) TreeCPU() (sum float64) {
	for _, pid := range tree(p.PID()) {
		own, ended := cpuOf(pid)
		sum += own + ended
	}
	return sum
}

// TreeMemory returns the memory of the running program and its descendants in bytes. A shared page counts
// once. Zero, if the kernel does not tell.
func (p *Process) TreeMemory() (sum int64) {
	for _, pid := range tree(p.PID()) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err == nil {
			sum += kilobytes(text, "Pss:")
		}
	}
	return sum
}
