package events_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// checkFaults checks index, pointer and rule of all faults of a batch.
func checkFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	bad, ok := errors.AsType[*events.BatchError](err)
	if !ok {
		t.Fatalf("got error %v, want an *events.BatchError", err)
	}
	var got []string
	for _, f := range bad.Faults {
		got = append(got, fmt.Sprintf("%d %s %s", f.Index, f.Err.Pointer, f.Err.Rule))
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got faults %q, want %q", got, want)
	}
}

func TestFromHTTPReadsBatch(t *testing.T) {
	one, two := with(`"subject":"a"`), `{"specversion":"1.0","id":"2","source":"/s","type":"t","datacontenttype":"text/plain","data":"]\"},{["}`
	tests := map[string]struct{ contentType, body, want string }{
		"empty":                       {"application/cloudevents-batch+json", "[]", "[]"},
		"empty with space":            {"application/cloudevents-batch+json", " [ \n] ", "[]"},
		"one":                         {"application/cloudevents-batch+json", "[" + one + "]", "[1]"},
		"order is kept":               {"application/cloudevents-batch+json", "[" + two + "," + one + " ,\t" + two + "]\n", "[2 1 2]"},
		"any case, parameters":        {" Application/CloudEvents-Batch+JSON;Charset=\"UTF-8\"; a=b", "[" + one + "]", "[1]"},
		"same event twice is let in":  {"application/cloudevents-batch+json", "[" + one + "," + one + "]", "[1 1]"},
		"depth counts from the event": {"application/cloudevents-batch+json", "[" + data(nest(events.MaxDepth-1)) + "]", "[1]"},
		"largest":                     {"application/cloudevents-batch+json", "[" + strings.Repeat(one+",", events.MaxBatch-1) + two + "]", "[" + strings.Repeat("1 ", events.MaxBatch-1) + "2]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(typed(test.contentType), []byte(test.body))
			if err != nil || !batch || list == nil {
				t.Fatalf("got %v, %t, %v, want a batch", list, batch, err)
			}
			ids := make([]string, 0, len(list))
			for _, e := range list {
				ids = append(ids, e.ID())
			}
			if got := fmt.Sprint(ids); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestFromHTTPTellsOfEveryBadEvent(t *testing.T) {
	good := data("1")
	tests := map[string]struct {
		body string
		want []string // index, pointer, rule
	}{
		"taken whole or refused whole":           {good + "," + with(`"time":"x"`) + "," + good, []string{"1 /time time"}},
		"all, not the first":                     {with(`"subject":""`) + "," + good + "," + with(`"ext":1.5`) + "," + `{}`, []string{"0 /subject empty", "2 /ext attribute-type", "3 /specversion required"}},
		"all have the same specversion":          {good + `,{"specversion":"0.3","id":"2","source":"/s","type":"t"}`, []string{"1 /specversion specversion"}},
		"one level of array":                     {"[" + good + "]," + good, []string{"0  json"}},
		"elements are objects":                   {`1,"a",null,true,` + good + `,tru,[]`, []string{"0  json", "1  json", "2  json", "3  json", "5  json", "6  json"}},
		"names once":                             {good + "," + with(`"id":"2"`) + "," + data(`{"a":[{"b":1,"b":2}]}`), []string{"1 /id duplicate-name", "2 /data/a/0/b duplicate-name"}},
		"UTF-8":                                  {with("\"subject\":\"\xff\"") + "," + good + ",\xff", []string{"0  utf8", "2  utf8"}},
		"JSON that breaks in one event":          {`{"id" "1"},` + good + `,{"id":"1",}`, []string{"0 /id json", "2  json"}},
		"depth":                                  {good + "," + data(strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000)), []string{"1 /data" + strings.Repeat("/0", 63) + " depth"}},
		"size of one event":                      {data(`"`+strings.Repeat("a", events.MaxSize)+`"`) + "," + good + "," + with(`"time":"x"`), []string{"0  size", "2 /time time"}},
		"brackets and quotes in strings":         {data(`"]}\\\"],[{"`) + `,{}`, []string{"1 /specversion required"}},
		"string that ends in an escaped escape":  {data(`"\\"`) + `,{}`, []string{"1 /specversion required"}},
		"brackets of two kinds that do not pair": {`{"data":[1}],` + good, []string{"0 /data json"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(batched, []byte("["+test.body+"]"))
			if list != nil || !batch {
				t.Errorf("got %v, %t, want nil, true", list, batch)
			}
			checkFaults(t, err, test.want...)
		})
	}
}

func TestFromHTTPRefusesBatch(t *testing.T) {
	good := data("1")
	tests := map[string]struct{ body, rule string }{
		"json: nothing":             {"", "json"},
		"json: one event":           {good, "json"},
		"json: string":              {`"[]"`, "json"},
		"json: null":                {"null", "json"},
		"json: no UTF-8":            {"\xff[]", "json"},
		"json: bytes after":         {"[" + good + "]x", "json"},
		"json: bytes after nothing": {"[]]", "json"},
		"json: second document":     {"[" + good + "][]", "json"},
		"json: lines":               {good + "\n" + good, "json"},
		"json: open":                {"[", "json"},
		"json: open after an event": {"[" + good, "json"},
		"json: open after a comma":  {"[" + good + ",", "json"},
		"json: open in an event":    {"[" + good[:20], "json"},
		"json: open in a string":    {`["`, "json"},
		"json: open in an escape":   {`["\`, "json"},
		"json: open behind it":      {`["\"`, "json"},
		"json: trailing comma":      {"[" + good + ",]", "json"},
		"json: comma alone":         {"[,]", "json"},
		"json: two commas":          {"[" + good + ",," + good + "]", "json"},
		"json: no comma":            {"[" + good + " " + good + "]", "json"},
		"json: wrong bracket":       {"[" + good + "}", "json"},
		"json: wrong bracket first": {"[}", "json"},
		"json: deep and open":       {strings.Repeat("[", 1_000_000), "json"},
		"batch-size":                {"[" + strings.Repeat(good+",", events.MaxBatch) + good + "]", "batch-size"},
		"batch-size: before all":    {"[" + strings.Repeat("{},", events.MaxBatch) + "x", "batch-size"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// Clipped, so that a step past the end is a panic.
			list, batch, err := events.FromHTTP(batched, slices.Clip([]byte(test.body)))
			checkInvalid(t, err, "", test.rule)
			if _, ok := errors.AsType[*events.BatchError](err); ok {
				t.Error("got an *events.BatchError")
			}
			if list != nil || !batch {
				t.Errorf("got %v, %t, want nil, true", list, batch)
			}
		})
	}
}

func TestFromHTTPTellsTheIDsOfBadEvents(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"there":                {with(`"time":"x"`), "1"},
		"escaped":              {`{"id":"\u00fc"}`, "ü"},
		"before what is wrong": {`{"id":"a","b":tru}`, "a"},
		"behind what is wrong": {`{"b":tru,"id":"a"}`, ""},
		"duplicate in data":    {data(`{"id":"x","id":"x"}`), "1"},
		"none":                 {`{}`, ""},
		"null":                 {`{"id":null}`, ""},
		"number":               {`{"id":1}`, ""},
		"empty":                {`{"id":""}`, ""},
		"two":                  {`{"id":"a","id":"b"}`, ""},
		"control characters":   {`{"id":"a\u0000"}`, ""},
		"too long":             {`{"id":"` + strings.Repeat("a", events.MaxAttribute+1) + `"}`, ""},
		"no UTF-8":             {"{\"id\":\"a\",\"b\":\"\xff\"}", ""},
		"no object":            {`"id"`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := events.FromHTTP(batched, []byte("["+test.in+"]"))
			bad, ok := errors.AsType[*events.BatchError](err)
			if !ok || len(bad.Faults) != 1 {
				t.Fatalf("got error %v, want one fault", err)
			}
			if got := bad.Faults[0].ID; got != test.want {
				t.Errorf("got id %q, want %q", got, test.want)
			}
		})
	}
}

func TestBatchError(t *testing.T) {
	_, _, err := events.FromHTTP(batched, []byte("["+data("1")+`,{},`+with(`"time":"secret"`)+"]"))
	want := "invalid batch: bad events: 2, the first at index 1: invalid event: /specversion: required: every CloudEvent has this attribute"
	if got := err.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	checkInvalid(t, err, "/specversion", "required") // by Unwrap
	if got, want := (&events.BatchError{}).Error(), "invalid batch"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBatchIsWrittenAsItsEvents wants the bytes of the events of a batch in NATS as of the same events one by one,
// whether one scan reads the batch or, for a long event, several.
func TestBatchIsWrittenAsItsEvents(t *testing.T) {
	texts := []string{
		full,
		with(`"subject":"\u00e9 \"\\","time":"2026-03-01T10:30:00.50+01:00","dataschema":"urn:a","zz":true,"aa":-7,"none":null,"data":{"a": [1, 2] }`),
		with(`"datacontenttype":"text/plain","data":"a\u000a\u0000"`),
		with(`"data_base64":"/wA="`),
		with(`"datacontenttype":"application/json","data_base64":"eyJhIjoxfQ=="`),
		with("\"ext\":\"" + strings.Repeat("é", 2_000) + "\",\"data\":\"\u2028\""),
	}
	long := data(`"` + strings.Repeat("a", events.MaxValues) + `"`)
	for name, texts := range map[string][]string{"in one scan": texts, "with a long event": append(slices.Clone(texts), long)} {
		t.Run(name, func(t *testing.T) {
			list, _, err := events.FromHTTP(batched, []byte("\ufeff[ "+strings.Join(texts, "\n,")+" ]\n"))
			if err != nil || len(list) != len(texts) {
				t.Fatalf("got %d events, %v, want %d", len(list), err, len(texts))
			}
			for i, text := range texts {
				_, want, wantErr := events.ToNATS(mustParse(t, text))
				_, got, err := events.ToNATS(list[i])
				if err != nil || wantErr != nil || string(got) != string(want) {
					t.Errorf("event %d: got  %s, %v\nwant %s, %v", i, got, err, want, wantErr)
				}
			}
		})
	}
}
