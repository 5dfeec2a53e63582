package output

import (
	"fmt"
	"io"
	"time"
)

// pause is the time between two lines of progress, if w is no terminal.
const pause = 10 * time.Second

// Progress counts items: in one line on a terminal, and elsewhere in a line now and then.
type Progress struct {
	out        io.Writer
	onTerminal bool
	begun      time.Time
	printed    time.Time // the last line, if out is no terminal
}

// NewProgress returns the progress of a command that begins now.
func NewProgress(w io.Writer) *Progress {
	return &Progress{out: w, onTerminal: IsTerminal(w), begun: time.Now(), printed: time.Now()}
}

// Show prints the number of items so far. Above 100, only every hundredth number is printed.
func (p *Progress) Show(items string, n int) {
	p.print(n, 0, fmt.Sprintf("%s: %d", items, n))
}

// Of prints the number of items so far, the total, and the time left. Above 100, only every
// hundredth number and the total are printed.
func (p *Progress) Of(n, total int) {
	text := fmt.Sprintf("%d of %d", n, total)
	if left := p.left(n, total); left > 0 {
		text += fmt.Sprintf(", about %s left", left)
	}
	p.print(n, total, text)
}

// left returns the time until the total by the speed so far; 0 if it is too early to say.
func (p *Progress) left(n, total int) time.Duration {
	took := time.Since(p.begun)
	if n == 0 || n >= total || took < time.Second {
		return 0
	}
	return (took / time.Duration(n) * time.Duration(total-n)).Round(time.Second)
}

// print prints a line, if it is time for one.
func (p *Progress) print(n, total int, text string) {
	switch {
	case p.onTerminal && (n < 100 || n%100 == 0 || n == total):
		_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	case !p.onTerminal && time.Since(p.printed) >= pause:
		p.printed = time.Now()
		_, _ = fmt.Fprintln(p.out, text)
	}
}

// End removes the line of a terminal.
func (p *Progress) End() {
	if p.onTerminal {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}
