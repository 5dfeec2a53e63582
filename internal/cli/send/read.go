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

// piece is the text of one event, and the line of its start.
type piece struct {
	text []byte
	line int
}

// fault is the reason to reject one event of the input.
type fault struct {
	File    string `json:"file,omitempty"` // of several
	Index   int    `json:"index"`          // from 1
	Line    int    `json:"line"`
	Pointer string `json:"pointer,omitempty"`
	Rule    string `json:"rule"`
	Detail  string `json:"detail"`
}

// faultsError holds all faults of an input.
type faultsError struct {
	faults []fault
	of     int    // events
	verb   string // what was not done, such as sent
}

// Error lists the faults, one per line.
func (e *faultsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nothing was %s: of %s, %d cannot be:", e.verb, output.Count(e.of, "event"), len(e.faults))
	for _, f := range e.faults {
		where, file := f.Pointer, ""
		if where == "" {
			where = "(whole event)"
		}
		if f.File != "" {
			file = f.File + ": "
		}
		fmt.Fprintf(&b, "\n  %sevent %d, line %d: %s: %s: %s", file, f.Index, f.Line, where, f.Rule, f.Detail)
	}
	return b.String()
}

// add adds the faults of a file, by its name if there are several files.
func (e *faultsError) add(file string, several bool, from *faultsError) {
	for _, f := range from.faults {
		if several {
			f.File = file
		}
		e.faults = append(e.faults, f)
	}
	e.of += from.of
}

// Read reads and checks every event of an input: one CloudEvent in JSON, an array of events, or one
// event a line. verb names the command in errors, such as sent. The error lists the faults of all events.
func Read(input []byte, verb string, check func(events.Event) error) ([]events.Event, error) {
	input, err := events.JSONText(input)
	if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
		return nil, &faultsError{verb: verb, of: 1, faults: []fault{{"", 1, 1, invalid.Pointer, invalid.Rule, invalid.Detail}}}
	}
	pieces := split(input)
	if len(pieces) == 0 {
		return nil, errors.New("nothing was " + verb + ": the input holds no event; want one CloudEvent in JSON, an array of them, or one a line")
	}
	list := make([]events.Event, 0, len(pieces))
	failed := &faultsError{verb: verb, of: len(pieces)}
	for i, p := range pieces {
		e, err := events.Parse(p.text)
		if err == nil {
			err = check(e)
		}
		if invalid, ok := errors.AsType[*events.InvalidError](err); ok {
			if noEvent(p.text) {
				invalid = &events.InvalidError{Rule: events.RuleRequired, Detail: "this is no CloudEvent: specversion, id, source and type are missing"}
			}
			failed.faults = append(failed.faults, fault{"", i + 1, p.line, invalid.Pointer, invalid.Rule, invalid.Detail})
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

// required are the attributes of every event.
var required = []string{"specversion", "id", "source", "type"}

// noEvent reports whether a text is a JSON object without any of the required attributes.
func noEvent(text []byte) bool {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return false
	}
	return !slices.ContainsFunc(required, func(name string) bool { _, has := object[name]; return has })
}

// warning is a remark about an event.
type warning struct {
	Index  int    `json:"index"` // from 1
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

// text returns the warning as a line.
func (w warning) text() string { return fmt.Sprintf("event %d: %s", w.Index, w.Detail) }

// warningsOf returns a warning for each unknown member.
func warningsOf(set *schemas.Set, list []events.Event) (all []warning) {
	for i, e := range list {
		for _, detail := range set.Warnings(e) {
			all = append(all, warning{Index: i + 1, ID: e.ID(), Detail: detail})
		}
	}
	return all
}

// split splits an input into the elements of a JSON array, or into JSON documents. Other input is
// split into lines if some lines are JSON objects: each line then has a fault of its own.
// Everything else is one piece.
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

// documents returns the JSON documents of an input, or the elements of an array. An array must be
// the only document.
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
		return nil, errors.New("there is more after the array")
	}
	return pieces, nil
}

// lines returns the lines of an input, without blank lines.
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

// firstLine returns the line of the first character after from, blanks aside.
func firstLine(input []byte, from int) int {
	blank := len(input[from:]) - len(bytes.TrimLeft(input[from:], " \t\r\n"))
	return 1 + bytes.Count(input[:from+blank], []byte("\n"))
}
