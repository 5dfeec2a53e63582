//go:build unix

package index

import (
	"runtime"
	"syscall"
)

// mapped is the size from which the bytes of a run are outside of the heap of Go. On the heap,
// the garbage collector would let the process grow to twice the index between two collections.
const mapped = 64 << 10

// block is memory outside of the heap.
type block struct {
	bytes   []byte
	cleanup runtime.Cleanup
}

// allocate returns n zero bytes for a run. The bytes are freed by release, or once the run is
// unreachable.
func (r *Run) allocate(n int) []byte {
	if n < mapped {
		return make([]byte, n)
	}
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	r.block = block{b, runtime.AddCleanup(r, unmap, b)}
	return b
}

func unmap(b []byte) { _ = syscall.Munmap(b) }

// release frees the bytes of a run that nobody uses any more.
func (r *Run) release() {
	if r.block.bytes == nil {
		return
	}
	r.block.cleanup.Stop()
	unmap(r.block.bytes)
	r.block, r.data, r.buckets = block{}, nil, nil
}
