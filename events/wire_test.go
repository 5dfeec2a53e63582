package events_test

import (
	bin "encoding/binary"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/usherhq/usher/events"
)

// utf16Of returns a text in UTF-16, with a byte order mark.
func utf16Of(text string, order bin.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// utf32Of returns a text of ASCII in UTF-32, without a byte order mark.
func utf32Of(text string, order bin.AppendByteOrder) string {
	var b []byte
	for _, r := range text {
		b = order.AppendUint32(b, uint32(r))
	}
	return string(b)
}

// TestEncodings checks texts as editors and other languages write JSON, on all transports.
func TestEncodings(t *testing.T) {
	one := data(`{"a":1}`)
	json := header{"Content-Type": {"application/json"}}
	jsonEvent := binary("Content-Type", "application/json")
	whole := header{"Content-Type": {events.ContentType}}
	tests := map[string]struct {
		header  header
		payload string
		named   string // encoding in the error; "" for an event
	}{
		"mark, structured":           {whole, "\ufeff" + one, ""},
		"mark, no content type":      {nil, "\ufeff" + one, ""},
		"mark and blank":             {nil, "\ufeff\r\n " + one, ""},
		"mark, binary":               {jsonEvent, "\ufeff" + `{"a":1}`, ""},
		"UTF-16 of Windows":          {whole, utf16Of(one, bin.LittleEndian), "UTF-16"},
		"UTF-16, big endian":         {whole, utf16Of(one, bin.BigEndian), "UTF-16"},
		"UTF-16, no content type":    {nil, utf16Of(one, bin.LittleEndian), "UTF-16"},
		"UTF-16 without mark":        {whole, utf16Of(one, bin.LittleEndian)[2:], "UTF-16"},
		"UTF-16, binary":             {jsonEvent, utf16Of(`{"a":1}`, bin.BigEndian), "UTF-16"},
		"UTF-32 without mark":        {whole, utf32Of(one, bin.BigEndian), "UTF-32"},
		"UTF-32, little endian":      {nil, utf32Of("\ufeff"+one, bin.LittleEndian), "UTF-32"},
		"Latin-1":                    {whole, strings.Replace(one, `"a"`, "\"\xe4\"", 1), "UTF-8"},
		"a mark in the middle":       {json, "{\ufeff}", "a member's name"},
		"two marks are one too many": {whole, "\ufeff\ufeff" + one, "one JSON object"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := events.FromNATS(test.header, []byte(test.payload))
			check := func(way string, got string, err error) {
				t.Helper()
				switch {
				case test.named == "" && (err != nil || got != `{"a":1}`):
					t.Errorf("%s: got data %q, %v", way, got, err)
				case test.named != "" && (err == nil || !strings.Contains(err.Error(), test.named)):
					t.Errorf("%s: got %v, want an error that names %s", way, err, test.named)
				}
			}
			check("NATS", string(e.Data()), err)
			if test.header == nil || test.header["Content-Type"][0] == "application/json" && test.header["ce-id"] == nil {
				return
			}
			h := http.Header{}
			for name, values := range test.header {
				h[http.CanonicalHeaderKey(name)] = values
			}
			list, _, err := events.FromHTTP(h, []byte(test.payload))
			if err != nil {
				list = []events.Event{{}}
			}
			check("HTTP", string(list[0].Data()), err)
		})
	}
	batch := http.Header{"Content-Type": {events.BatchContentType}}
	if list, _, err := events.FromHTTP(batch, []byte("\ufeff["+one+"]")); err != nil || len(list) != 1 {
		t.Errorf("batch with a mark: got %d events, %v", len(list), err)
	}
	if _, _, err := events.FromHTTP(batch, []byte(utf16Of("["+one+"]", bin.LittleEndian))); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("batch in UTF-16: got %v", err)
	}
	if _, _, err := events.FromHTTP(batch, []byte("[\ufeff"+one+"]")); err == nil {
		t.Error("a mark inside a batch is accepted")
	}
}

// TestLonePercent checks that a % that encodes nothing is a %.
func TestLonePercent(t *testing.T) {
	tests := map[string]string{
		"100% attendance": "100% attendance",
		"50%":             "50%",
		"%zz":             "%zz",
		"%4":              "%4",
		"%":               "%",
		"%%20":            "% ",
		"5%-10%25":        "5%-10%",
		`"%4"`:            "%4",
		"%2":              "%2",
		"%25zz":           "%zz",
	}
	for sent, want := range tests {
		h := binary("ce-subject", sent, "ce-discount", sent)
		for way, read := range map[string]func() (events.Event, error){
			"NATS": func() (events.Event, error) { return events.FromNATS(h, nil) },
			"HTTP": func() (events.Event, error) {
				list, _, err := events.FromHTTP(http.Header(h), nil)
				if err != nil {
					return events.Event{}, err
				}
				return list[0], nil
			},
		} {
			e, err := read()
			if err != nil {
				t.Errorf("%s: %q: %v", way, sent, err)
			} else if e.Subject() != want || events.Extension(e, "discount") != want {
				t.Errorf("%s: %q: got %q and %q, want %q", way, sent, e.Subject(), events.Extension(e, "discount"), want)
			}
		}
	}
}
