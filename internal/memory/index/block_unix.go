//go:build unix

package index

import (
	"runtime"
	"syscall"
)

// mapped is the size from which the bytes of a run are outside of the heap of Go. On the heap,
// the garbage collector would let the process grow to twice the index between two collections.
const mapped = 64 << 10

// allocate returns n zero bytes for a run. They are freed once the run is unreachable.
func (r *Run) allocate(n int) []byte {
	if n < mapped {
		return make([]byte, n)
	}
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	runtime.AddCleanup(r, func(b []byte) { _ = syscall.Munmap(b) }, b)
	return b
}
