package send

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/schemas"
)

// piece is the text of one event, and the line on which it begins.
type piece struct {
	text []byte
	line int
}

// fault says why one event of the input is refused.
type fault struct {
	Index   int    `json:"index"` // from 1
	Line    int    `json:"line"`
	Pointer string `json:"pointer,omitempty"`
	Rule    string `json:"rule"`
	Detail  string `json:"detail"`
}

// faultsError is all that is wrong with an input.
type faultsError struct {
	faults []fault
	of     int // events
}

// Error lists the faults, one a line.
func (e *faultsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nothing was sent: of %s, %d cannot be:", output.Count(e.of, "event"), len(e.faults))
	for _, f := range e.faults {
		where := f.Pointer
		if where == "" {
			where = "(whole event)"
		}
		fmt.Fprintf(&b, "\n  event %d, line %d: %s: %s: %s", f.Index, f.Line, where, f.Rule, f.Detail)
	}
	return b.String()
}

// readEvents reads and checks every event of an input. Its error is a
// *faultsError with the faults of all of them.
func readEvents(input []byte, check func(events.Event) error) ([]events.Event, error) {
	pieces := split(input)
	if len(pieces) == 0 {
		return nil, errors.New("nothing was sent: the input holds no event; want one CloudEvent in JSON, an array of them, or one a line")
	}
	list := make([]events.Event, 0, len(pieces))
	failed := &faultsError{of: len(pieces)}
	for i, p := range pieces {
		e, err := events.Parse(p.text)
		if err == nil {
			err = check(e)
		}
		if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
			failed.faults = append(failed.faults, fault{i + 1, p.line, invalid.Pointer, invalid.Rule, invalid.Detail})
		} else if err != nil {
			return nil, fmt.Errorf("event %d, line %d: %w", i+1, p.line, err)
		}
		list = append(list, e)
	}
	if len(failed.faults) > 0 {
		return nil, failed
	}
	return list, nil
}

// validator returns the check of an event against the schema of its type.
func validator() (func(events.Event) error, error) {
	set, err := schemas.New()
	if err != nil {
		return nil, err
	}
	return set.Validate, nil
}

// split takes an input apart: a JSON array, or JSON documents one behind the
// other. Input that is not JSON comes back in lines where some of them are
// events, so that each line is judged by itself, and else as one piece.
func split(input []byte) []piece {
	if pieces, err := documents(input); err == nil {
		return pieces
	}
	pieces := lines(input)
	if slices.ContainsFunc(pieces, func(p piece) bool { return p.text[0] == '{' && json.Valid(p.text) }) {
		return pieces
	}
	return []piece{{bytes.TrimSpace(input), firstLine(input, 0)}}
}

// documents reads JSON documents. Where the first one is an array, it is the
// only one, and its elements count.
func documents(input []byte) ([]piece, error) {
	dec := json.NewDecoder(bytes.NewReader(input))
	array := bytes.HasPrefix(bytes.TrimSpace(input), []byte("["))
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
	}
	var pieces []piece
	line, at := 1, 0
	for !array || dec.More() {
		var raw json.RawMessage
		switch err := dec.Decode(&raw); {
		case errors.Is(err, io.EOF) && !array:
			return pieces, nil
		case err != nil:
			return nil, err
		}
		begin := int(dec.InputOffset()) - len(raw)
		line += bytes.Count(input[at:begin], []byte("\n"))
		at = begin
		pieces = append(pieces, piece{raw, line})
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(input[dec.InputOffset():])) > 0 {
		return nil, errors.New("there is more behind the array")
	}
	return pieces, nil
}

// lines returns the lines of an input that are not blank.
func lines(input []byte) []piece {
	var pieces []piece
	n := 0
	for text := range bytes.SplitSeq(input, []byte("\n")) {
		n++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			pieces = append(pieces, piece{text, n})
		}
	}
	return pieces
}

// firstLine is the line of the first character behind from that is not blank.
func firstLine(input []byte, from int) int {
	blank := len(input[from:]) - len(bytes.TrimLeft(input[from:], " \t\r\n"))
	return 1 + bytes.Count(input[:from+blank], []byte("\n"))
}
