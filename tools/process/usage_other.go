//go:build !linux

package process

import "syscall"

// bound sets nothing: the parent stops its programs itself.
func bound() *syscall.SysProcAttr { return nil }

// Memory is unknown.
func (p *Process) Memory() (now, peak int64) { return 0, 0 }

// MachineCPU is unknown.
func MachineCPU() (busy, all float64) { return 0, 0 }

// CPUOf is unknown.
func CPUOf(int) float64 { return 0 }
