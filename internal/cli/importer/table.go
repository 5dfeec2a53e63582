package importer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is the content of a file.
type table struct {
	columns []string // of CSV; nil for JSON lines
	rows    iter.Seq2[row, error]
}

// row is one row of a file: a value for each column with one.
type row struct {
	line   int
	values map[string]any
	why    string // the reason why the row cannot be read; or empty
}

// table returns the content of the file. The rows can be read several times.
func (c Cmd) table(text []byte) (table, error) {
	if name := utf16(text); name != "" {
		return table{}, fmt.Errorf("the file is %s: save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW", name)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	form := c.As
	if form == "auto" {
		form = "csv"
		if slices.Contains([]string{".jsonl", ".ndjson", ".json"}, filepath.Ext(c.File)) {
			form = "jsonl"
		}
	}
	if form == "jsonl" {
		return table{rows: jsonRows(text)}, nil
	}
	comma, err := separator(c.Separator)
	if err != nil {
		return table{}, err
	}
	if comma == 0 {
		comma = guess(text)
	}
	return csvTable(text, comma)
}

// utf16 returns the name of the encoding of a text in UTF-16, or "".
func utf16(text []byte) string {
	begin := text[:min(len(text), 1000)]
	switch {
	case bytes.HasPrefix(begin, []byte("\xff\xfe")):
		return "UTF-16 (little endian)"
	case bytes.HasPrefix(begin, []byte("\xfe\xff")):
		return "UTF-16 (big endian)"
	case bytes.IndexByte(begin, 0) >= 0:
		return "UTF-16 without a mark, or no text"
	default:
		return ""
	}
}

// separator returns the character of --separator; 0 for none.
func separator(text string) (rune, error) {
	if text == "tab" || text == `\t` {
		return '\t', nil
	}
	r, size := utf8.DecodeRuneInString(text)
	if size != len(text) || slices.Contains([]rune{'"', '\r', '\n', utf8.RuneError}, r) && text != "" {
		return 0, errors.New("--separator must be one character, or tab")
	}
	if text == "" {
		return 0, nil
	}
	return r, nil
}

// guess returns the separator of a CSV text: the one that is most frequent in the head, outside of
// quotes.
func guess(text []byte) rune {
	counts := map[rune]int{}
	quoted := false
	for _, r := range string(text) {
		if r == '"' {
			quoted = !quoted
		}
		if r == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range ";\t|" {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

// csvTable returns a CSV text with a head.
func csvTable(text []byte, comma rune) (table, error) {
	open := func() *csv.Reader {
		r := csv.NewReader(bytes.NewReader(text))
		r.Comma, r.FieldsPerRecord = comma, -1
		return r
	}
	head, err := open().Read()
	if err != nil {
		return table{}, fmt.Errorf("the file has no head with the names of the columns: %w", csvFault(err))
	}
	for i := range head {
		if head[i] = strings.TrimSpace(head[i]); head[i] != "" && slices.Contains(head[:i], head[i]) {
			return table{}, fmt.Errorf("two columns have the name %s", head[i])
		}
	}
	return table{columns: head, rows: func(yield func(row, error) bool) {
		r := open()
		for first := true; ; first = false {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(row{}, csvFault(err))
				return
			}
			line, _ := r.FieldPos(0)
			if !first && !yield(csvRow(line, head, record), nil) {
				return
			}
		}
	}}, nil
}

// csvFault returns the fault of a text that is no CSV from a line on.
func csvFault(err error) error {
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("line %d, column %d: %w; the row begins in line %d: a quote in a value is written twice", bad.Line, bad.Column, bad.Err, bad.StartLine)
	}
	return err
}

// csvRow returns a record as a row. Empty values are left out.
func csvRow(line int, head, record []string) row {
	r := row{line: line, values: map[string]any{}}
	if len(record) != len(head) {
		r.why = fmt.Sprintf("has %d values, and the head has %d", len(record), len(head))
		return r
	}
	for i, value := range record {
		if !utf8.ValidString(value) {
			r.why = fmt.Sprintf("%s is not UTF-8: save the file as UTF-8, or convert it by iconv", head[i])
			return r
		}
		if value = strings.TrimSpace(value); value != "" {
			r.values[head[i]] = value
		}
	}
	return r
}

// jsonRows returns the JSON objects of a text with one per line.
func jsonRows(text []byte) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		n := 0
		for line := range bytes.Lines(text) {
			n++
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			r := row{line: n}
			if line[0] != '{' || json.Unmarshal(line, &r.values) != nil {
				r.why = `is no JSON object, such as {"user_id":"ada","email":"ada@example.org"}`
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
