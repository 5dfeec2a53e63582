//go:build !unix

package index

// block is memory outside of the heap: there is none.
type block struct{}

// allocate returns n zero bytes for a run.
func (r *Run) allocate(n int) []byte { return make([]byte, n) }

func (r *Run) release() {}
