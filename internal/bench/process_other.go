//go:build !linux

package bench

import "syscall"

// bound has nothing to set here: the bench ends its processes itself.
func bound() *syscall.SysProcAttr { return nil }

// memory is not known here.
func (p *process) memory() (now, peak int64) { return 0, 0 }

// machineCPU is not known here.
func machineCPU() (busy, all float64) { return 0, 0 }

// processCPU is not known here.
func processCPU(int) float64 { return 0 }
