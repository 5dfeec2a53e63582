//go:build !linux

package process

import "syscall"

// bound returns nil: only the parent stops the programs.
func bound() *syscall.SysProcAttr { return nil }

// Memory returns zero: unknown on other systems than Linux.
func (p *Process) Memory() (now, peak int64) { return 0, 0 }

// MachineCPU returns zero: unknown on other systems than Linux.
func MachineCPU() (busy, all float64) { return 0, 0 }

// CPUOf returns zero: unknown on other systems than Linux.
func CPUOf(int) float64 { return 0 }
