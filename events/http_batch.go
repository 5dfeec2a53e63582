package events

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// MaxBatch is the maximum number of events in a batch.
const MaxBatch = 1000

// BatchFault is the reason for rejecting one event of a batch.
type BatchFault struct {
	Index int           // index of the event in the batch, from 0
	ID    string        // id of the event, or "" if unreadable
	Err   *InvalidError // pointer and byte offsets are relative to the event
}

// BatchError has every invalid event of a batch, by index, at least one. BatchError unwraps to
// the errors of the events. To distinguish a *BatchError from an *InvalidError of the whole
// batch, ask for *BatchError first.
type BatchError struct {
	Faults []BatchFault
}

// Error returns the number of invalid events and the first error.
func (e *BatchError) Error() string {
	if len(e.Faults) == 0 {
		return "invalid batch"
	}
	first := e.Faults[0]
	return "invalid batch: bad events: " + strconv.Itoa(len(e.Faults)) +
		", the first at index " + strconv.Itoa(first.Index) + ": " + first.Err.Error()
}

// Unwrap returns the errors of the events.
func (e *BatchError) Unwrap() []error {
	all := make([]error, len(e.Faults))
	for i, f := range e.Faults {
		all[i] = f.Err
	}
	return all
}

// parseBatch reads all events of a batch, or none. An error is an *InvalidError or a
// *BatchError.
func (r Reader) parseBatch(body []byte) ([]Event, error) {
	if list := r.parseValid(body); list != nil {
		return list, nil
	}
	pieces, problem := elements(body)
	if problem != nil {
		return nil, problem
	}
	list := make([]Event, 0, len(pieces))
	var faults []BatchFault
	for i, piece := range pieces {
		e, err := r.parsePiece(piece)
		if err != nil {
			faults = append(faults, BatchFault{Index: i, ID: readableID(piece), Err: err})
			continue
		}
		list = append(list, e)
	}
	if faults != nil {
		return nil, &BatchError{Faults: faults}
	}
	return list, nil
}

// parseValid reads a valid batch in one scan. Any other batch, and one of an event of MaxValues bytes, gives nil:
// the scans for the faults begin anew.
func (r Reader) parseValid(body []byte) []Event {
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	s := scanner{data: body}
	if s.space(); s.peek() != '[' || !utf8.Valid(body) {
		return nil
	}
	s.pos++
	const usualSize = 512 // of an event
	list := make([]Event, 0, min(len(body)/usualSize+1, MaxBatch))
	d := &document{texts: &texts{room: 4 << 10}}
	member := d.member
	for more := true; more; {
		if s.space(); s.peek() != '{' || len(list) == MaxBatch {
			return nil
		}
		s.data = body[:min(len(body), s.pos+MaxValues-1)] // so short that checkValues has nothing to count
		*d = r.newDocument(d.texts)
		if s.object(1, member) != nil {
			return nil
		}
		e, err := d.event()
		if err != nil {
			return nil
		}
		list = append(list, e)
		s.data = body
		if more, err = s.next(']'); err != nil {
			return nil
		}
	}
	if s.end() != nil {
		return nil
	}
	return list
}

// parsePiece parses an event of a batch: only the batch as a whole may have a byte order mark.
func (r Reader) parsePiece(piece []byte) (Event, *InvalidError) {
	if len(piece) > MaxSize {
		return Event{}, invalid("", RuleSize, "send at most "+strconv.Itoa(MaxSize)+" bytes")
	}
	if !utf8.Valid(piece) {
		return Event{}, invalid("", RuleUTF8, "send JSON as UTF-8")
	}
	return r.parseText(piece)
}

// readableID returns the id of an invalid event, or "" for a missing, repeated or invalid id.
func readableID(piece []byte) string {
	if len(piece) > MaxSize || checkValues(piece) != nil {
		return "" // not worth the memory
	}
	raw, err := find(piece, "id")
	if raw == nil || raw[0] != '"' || err != nil && err.Pointer == "/id" {
		return ""
	}
	a := attributes{contextV1: &contextV1{}}
	if a.setText("id", unquoted(raw)) != nil {
		return ""
	}
	return a.ctx.ID
}

// elements returns the elements of an array, at most MaxBatch. Only the ends of elements are
// searched, so an invalid element does not hide the others: a body is one JSON document if
// elements accepts the body and parse accepts each element.
func elements(body []byte) ([][]byte, *InvalidError) {
	if wideEncoding(body) != "" {
		_, err := jsonText(body)
		return nil, err
	}
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	s := scanner{data: body}
	if s.space(); s.peek() != '[' {
		return nil, s.fail(RuleJSON, "send one JSON array of events")
	}
	s.pos++
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil, s.end()
	}
	var pieces [][]byte
	for more := true; more; {
		if len(pieces) == MaxBatch {
			return nil, invalid("", RuleBatchSize, "send at most "+strconv.Itoa(MaxBatch)+" events in a batch")
		}
		s.space()
		from := s.pos
		if s.skip(); s.pos == from {
			return nil, s.fail(RuleJSON, "an event must stand here")
		}
		pieces = append(pieces, body[from:s.pos])
		var err *InvalidError
		if more, err = s.next(']'); err != nil {
			return nil, err
		}
	}
	return pieces, s.end()
}

// skip moves to the end of the value here, if the value is JSON: behind the last bracket, or to
// the following comma, bracket or end. Skipping needs no memory, whatever the depth.
func (s *scanner) skip() {
	depth := 0
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.skipText()
			continue
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ']' || c == '}'):
			return
		case c == ']' || c == '}':
			depth--
			if depth == 0 {
				s.pos++
				return
			}
		}
		s.pos++
	}
}

// skipText moves behind the closing quote of the string here, or to the end.
func (s *scanner) skipText() {
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return
		case '\\':
			s.pos++
		}
	}
	s.pos = len(s.data)
}
