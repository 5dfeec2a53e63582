package record

import (
	"strings"
	"time"
)

// Failure is a failed attempt at an effect that is tried again.
type Failure struct {
	Key     Key
	Replay  int
	At      time.Time
	Class   string
	Message string // cut; see maxFailure
}

// maxFailure is the length in bytes of the message of a Failure.
const maxFailure = 400

// cut returns the failure with a message of at most maxFailure bytes.
func (f Failure) cut() Failure {
	if len(f.Message) > maxFailure {
		f.Message = strings.ToValidUTF8(f.Message[:maxFailure], "") + "…"
	}
	return f
}

// FailureOf returns the last failed attempt at a pending effect, and whether one is known.
func (r *Record) FailureOf(e *Effect) (Failure, bool) {
	f := r.Failure
	return f, f.Message != "" && f.Key == e.Key && f.Replay == e.Replay
}

type storedFailure struct {
	Key     string    `json:"key"`
	Replay  int       `json:"replay,omitempty"`
	At      time.Time `json:"at"`
	Class   string    `json:"class,omitempty"`
	Message string    `json:"message"`
}

// failure returns the failure to store; nil unless its effect is pending.
func (r *Record) failure() *storedFailure {
	f := r.Failure
	if f.Message == "" || r.Pending.find(f.Key, f.Replay) == nil {
		return nil
	}
	return &storedFailure{formatKey(f.Key), f.Replay, f.At, f.Class, f.Message}
}
