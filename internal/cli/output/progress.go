package output

import (
	"fmt"
	"io"
)

// Progress is a line on a terminal that counts. Elsewhere it prints nothing.
type Progress struct {
	out io.Writer
	on  bool
}

// NewProgress returns the progress line of w.
func NewProgress(w io.Writer) Progress { return Progress{w, IsTerminal(w)} }

// Show prints the number of items so far. Above 100, only every hundredth number is printed.
func (p Progress) Show(items string, n int) {
	if p.on && (n < 100 || n%100 == 0) {
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s: %d", items, n)
	}
}

// Of prints the number of items so far, and the total. Above 100, only every hundredth number
// and the total are printed.
func (p Progress) Of(n, total int) {
	if p.on && (n < 100 || n%100 == 0 || n == total) {
		_, _ = fmt.Fprintf(p.out, "\r%d of %d", n, total)
	}
}

// End removes the line.
func (p Progress) End() {
	if p.on {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
