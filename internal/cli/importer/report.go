package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/usherhq/usher/bounded"
)

// The outcomes of a row.
const (
	sent    = "sent"
	known   = "known"
	invalid = "invalid"
)

// entry is the outcome of a row, without data of the user.
type entry struct {
	Line   int       `json:"line"`
	ID     string    `json:"id,omitempty"`
	Status string    `json:"status"`
	Why    string    `json:"why,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// report is the file with the outcomes of all runs, one JSON object per line.
type report struct {
	file *os.File // nil: none
	sent map[string]bool
	bad  map[entry]bool
}

// openReport opens a report, and reads the outcomes of earlier runs. A line that a kill has cut is
// left out.
func openReport(path string) (*report, error) {
	r := &report{sent: map[string]bool{}, bad: map[entry]bool{}}
	if path == "" {
		return r, nil
	}
	text, err := bounded.ReadFile(path, bounded.DataFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	for line := range bytes.Lines(text) {
		var e entry
		switch {
		case json.Unmarshal(line, &e) != nil:
		case e.Status == invalid:
			r.bad[entry{Line: e.Line, Status: e.Status, Why: e.Why}] = true
		default:
			r.sent[e.ID] = true
		}
	}
	if r.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("write the report: %w; name another file by --report", err)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		_, err = r.file.WriteString("\n")
	}
	return r, err
}

// faults writes the rows that are not valid, unless an earlier run has written them.
func (r *report) faults(list []entry) error {
	for _, e := range list {
		if r.bad[e] {
			continue
		}
		if err := r.write(e); err != nil {
			return err
		}
	}
	return nil
}

// write appends an outcome.
func (r *report) write(e entry) error {
	if r.file == nil {
		return nil
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := r.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *report) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
}
