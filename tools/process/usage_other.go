//go:build !linux

package process

import "syscall"

// bound returns no attributes: only the parent stops the programs.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// Memory returns zero: unknown on other systems than Linux.
func (p *Process) Memory() (now, peak int64) { return 0, 0 }

// MachineCPU returns zero: unknown on other systems than Linux.
func MachineCPU() (busy, all float64) { return 0, 0 }

// CPUOf returns zero: unknown on other systems than Linux.
func CPUOf(int) float64 { return 0 }

// TreeCPU returns zero: unknown on other systems than Linux.
func (p *Process) TreeCPU() float64 { return 0 }

// TreeMemory returns zero: unknown on other systems than Linux.
func (p *Process) TreeMemory() int64 { return 0 }
