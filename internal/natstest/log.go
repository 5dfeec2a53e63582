package natstest

import (
	"bytes"
	"sync"
)

// Log is an io.Writer whose text can be read while it is written. The zero value is an
// empty log.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends p to the text.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the text written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
