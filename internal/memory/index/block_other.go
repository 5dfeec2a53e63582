//go:build !unix

package index

// allocate returns n zero bytes for a run.
func (r *Run) allocate(n int) []byte { return make([]byte, n) }
