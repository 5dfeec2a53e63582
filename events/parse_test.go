package events_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// with returns an event with more members.
func with(members string) string {
	return `{"specversion":"1.0","id":"1","source":"/s","type":"t",` + members + `}`
}

// data returns an event with data.
func data(json string) string { return with(`"data":` + json) }

// nest returns arrays in one another.
func nest(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

// numbered returns an object with n members, of which the last has the name of the first.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	return "{" + b.String() + `"m0":0}`
}

// refused holds a case per rule: the pointer and the rule that Parse must tell.
var refused = map[string]struct{ in, pointer, rule string }{
	"size":                             {data(`"` + strings.Repeat("a", events.MaxSize) + `"`), "", "size"},
	"size: attribute":                  {with(`"ext":"` + strings.Repeat("a", events.MaxAttribute+1) + `"`), "/ext", "size"},
	"utf8: latin-1":                    {data("\"\xfc\""), "", "utf8"},
	"utf8: encoded surrogate":          {data("\"\xed\xa0\x80\""), "", "utf8"},
	"utf8: lone high surrogate":        {data(`{"a":"\ud83d"}`), "/data/a", "utf8"},
	"utf8: lone low surrogate":         {data(`{"a":"\ude00"}`), "/data/a", "utf8"},
	"utf8: high surrogate twice":       {data(`["x","\ud83d\ud83d"]`), "/data/1", "utf8"},
	"utf8: surrogate in a name":        {data(`{"\ud83d":1}`), "/data", "utf8"},
	"json: empty":                      {"", "", "json"},
	"json: white space":                {" \n", "", "json"},
	"json: array":                      {"[]", "", "json"},
	"json: null":                       {"null", "", "json"},
	"json: bytes after":                {data("1") + "x", "", "json"},
	"json: second document":            {data("1") + data("1"), "", "json"},
	"json: cut off":                    {`{"specversion":"1.0"`, "", "json"},
	"json: no colon":                   {`{"id" "1"}`, "/id", "json"},
	"json: trailing comma":             {`{"id":"1",}`, "", "json"},
	"json: trailing comma in array":    {data("[1,]"), "/data/1", "json"},
	"json: no comma":                   {data("[1 2]"), "/data", "json"},
	"json: name without quotes":        {`{id:"1"}`, "", "json"},
	"json: comment":                    {`{/**/}`, "", "json"},
	"json: single quotes":              {data(`'a'`), "/data", "json"},
	"json: NaN":                        {data("NaN"), "/data", "json"},
	"json: capital literal":            {data("True"), "/data", "json"},
	"json: leading zero":               {data("01"), "", "json"},
	"json: leading plus":               {data("+1"), "/data", "json"},
	"json: bare minus":                 {data("-"), "/data", "json"},
	"json: bare fraction":              {data("1."), "/data", "json"},
	"json: bare exponent":              {data("1e"), "/data", "json"},
	"json: raw newline":                {data("\"a\nb\""), "/data", "json"},
	"json: no such escape":             {data(`"\x41"`), "/data", "json"},
	"json: short hex":                  {data(`"\u00`), "/data", "json"},
	"json: bad hex":                    {data(`"\u00zz"`), "/data", "json"},
	"json: no such second escape":      {data(`"\ud83d\n"`), "/data", "json"},
	"json: string without end":         {data(`"a`), "/data", "json"},
	"number: too large":                {data(`{"n":1e400}`), "/data/n", "number"},
	"number: too large without e":      {data(`{"n":1` + strings.Repeat("0", 400) + `}`), "/data/n", "number"},
	"number: hostile exponent":         {data(`{"n":1e-999999999}`), "/data/n", "number"},
	"depth":                            {data(nest(64)), "/data" + strings.Repeat("/0", 63), "depth"},
	"values: empty lists":              {data("[" + strings.Repeat("[],", 300_000) + "0]"), "", "values"},
	"values: empty objects":            {data("[" + strings.Repeat("{},", 300_000) + "0]"), "", "values"},
	"values: members of objects":       {data("[" + strings.Repeat(`{"a":[]},`, 100_000) + "0]"), "", "values"},
	"values: names":                    {data(numbered(50_000)), "", "values"},
	"values: in base64":                {with(`"datacontenttype":"application/json","data_base64":"` + base64.StdEncoding.EncodeToString([]byte("["+strings.Repeat("[],", 100_000)+"0]")) + `"`), "/data_base64", "values"},
	"depth: hostile":                   {data(strings.Repeat("[", 10000)), "/data" + strings.Repeat("/0", 63), "depth"},
	"depth: objects":                   {data(strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64)), "/data" + strings.Repeat("/a", 63), "depth"},
	"duplicate-name: attribute":        {with(`"id":"2"`), "/id", "duplicate-name"},
	"duplicate-name: data":             {with(`"data":1,"data":1`), "/data", "duplicate-name"},
	"duplicate-name: in data":          {data(`{"a":{"b":1,"c":2,"b":1}}`), "/data/a/b", "duplicate-name"},
	"duplicate-name: escaped":          {data(`{"user_id":1,"\u0075ser_id":2}`), "/data/user_id", "duplicate-name"},
	"duplicate-name: pointer escapes":  {data(`{"a/~b":1,"a/~b":2}`), "/data/a~1~0b", "duplicate-name"},
	"duplicate-name: among many":       {data(numbered(500)), "/data/m0", "duplicate-name"},
	"duplicate-name: long name is cut": {data(`{"` + strings.Repeat("ü", 50) + `":1,"` + strings.Repeat("ü", 50) + `":1}`), "/data/" + strings.Repeat("ü", 32) + "…", "duplicate-name"},
	"attribute-name: capital":          {with(`"Subject":"a"`), "/Subject", "attribute-name"},
	"attribute-name: underscore":       {with(`"my_ext":"a"`), "/my_ext", "attribute-name"},
	"attribute-name: empty":            {with(`"":"a"`), "/", "attribute-name"},
	"attribute-name: slash":            {with(`"a/b":"a"`), "/a~1b", "attribute-name"},
	"attribute-name: with null":        {with(`"My_Ext":null`), "/My_Ext", "attribute-name"},
	"attribute-name: with object":      {with(`"My_Ext":{}`), "/My_Ext", "attribute-name"},
	"attribute-type: object":           {with(`"ext":{}`), "/ext", "attribute-type"},
	"attribute-type: array":            {with(`"ext":[]`), "/ext", "attribute-type"},
	"attribute-type: fraction":         {with(`"ext":1.5`), "/ext", "attribute-type"},
	"attribute-type: whole fraction":   {with(`"ext":1.0`), "/ext", "attribute-type"},
	"attribute-type: exponent":         {with(`"ext":1e3`), "/ext", "attribute-type"},
	"attribute-type: 33 bits":          {with(`"ext":2147483648`), "/ext", "attribute-type"},
	"attribute-type: negative 33 bits": {with(`"ext":-2147483649`), "/ext", "attribute-type"},
	"attribute-type: number as time":   {with(`"time":1772357398`), "/time", "attribute-type"},
	"attribute-type: number as id":     {`{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, "/id", "attribute-type"},
	"attribute-type: bool as version":  {`{"specversion":true,"id":"1","source":"/s","type":"t"}`, "/specversion", "attribute-type"},
	"characters: newline":              {with(`"subject":"a\nb"`), "/subject", "characters"},
	"characters: zero":                 {with(`"ext":"a\u0000"`), "/ext", "characters"},
	"characters: C1":                   {with(`"ext":"\u0085"`), "/ext", "characters"},
	"characters: delete":               {with(`"ext":"\u007f"`), "/ext", "characters"},
	"characters: noncharacter":         {with(`"ext":"\ufdd0"`), "/ext", "characters"},
	"characters: last of a plane":      {with(`"ext":"\udbff\udfff"`), "/ext", "characters"},
	"characters: id":                   {`{"specversion":"1.0","id":"1\u0000","source":"/s","type":"t"}`, "/id", "characters"},
	"specversion: 0.3":                 {`{"specversion":"0.3","id":"1","source":"/s","type":"t"}`, "/specversion", "specversion"},
	"specversion: 1.1":                 {`{"specversion":"1.1","id":"1","source":"/s","type":"t"}`, "/specversion", "specversion"},
	"specversion: empty":               {`{"specversion":"","id":"1","source":"/s","type":"t"}`, "/specversion", "specversion"},
	"required: nothing there":          {`{}`, "/specversion", "required"},
	"required: specversion":            {`{"id":"1","source":"/s","type":"t"}`, "/specversion", "required"},
	"required: id":                     {`{"specversion":"1.0","source":"/s","type":"t"}`, "/id", "required"},
	"required: source":                 {`{"specversion":"1.0","id":"1","type":"t"}`, "/source", "required"},
	"required: type":                   {`{"specversion":"1.0","id":"1","source":"/s"}`, "/type", "required"},
	"required: id is null":             {`{"specversion":"1.0","id":null,"source":"/s","type":"t"}`, "/id", "required"},
	"required: id is empty":            {`{"specversion":"1.0","id":"","source":"/s","type":"t"}`, "/id", "required"},
	"required: id is blank":            {`{"specversion":"1.0","id":" ","source":"/s","type":"t"}`, "/id", "required"},
	"required: source is empty":        {`{"specversion":"1.0","id":"1","source":"","type":"t"}`, "/source", "required"},
	"required: type is empty":          {`{"specversion":"1.0","id":"1","source":"/s","type":""}`, "/type", "required"},
	"empty: subject":                   {with(`"subject":""`), "/subject", "empty"},
	"time: no zone":                    {with(`"time":"2026-03-01T09:30:00"`), "/time", "time"},
	"time: date":                       {with(`"time":"2026-03-01"`), "/time", "time"},
	"time: comma":                      {with(`"time":"2026-03-01T09:30:00,5Z"`), "/time", "time"},
	"time: one-digit hour":             {with(`"time":"2026-03-01T9:30:00Z"`), "/time", "time"},
	"time: offset of a day":            {with(`"time":"2026-03-01T09:30:00+24:00"`), "/time", "time"},
	"time: leap second":                {with(`"time":"2016-12-31T23:59:60Z"`), "/time", "time"},
	"time: no such day":                {with(`"time":"2026-02-30T09:30:00Z"`), "/time", "time"},
	"time: empty":                      {with(`"time":""`), "/time", "time"},
	"time: before the year 0 in UTC":   {with(`"time":"0000-01-01T00:00:00+01:00"`), "/time", "time"},
	"time: after the year 9999 in UTC": {with(`"time":"9999-12-31T23:59:59-01:00"`), "/time", "time"},
	"uri: relative":                    {with(`"dataschema":"/schemas/1"`), "/dataschema", "uri"},
	"uri: empty":                       {with(`"dataschema":""`), "/dataschema", "uri"},
	"uri: scheme only":                 {with(`"dataschema":"urn:"`), "/dataschema", "uri"},
	"uri-reference: space":             {`{"specversion":"1.0","id":"1","source":"my app","type":"t"}`, "/source", "uri-reference"},
	"uri-reference: not encoded":       {`{"specversion":"1.0","id":"1","source":"/ü","type":"t"}`, "/source", "uri-reference"},
	"uri-reference: bad percent":       {`{"specversion":"1.0","id":"1","source":"/a?b=%zz","type":"t"}`, "/source", "uri-reference"},
	"uri-reference: colon first":       {`{"specversion":"1.0","id":"1","source":":a","type":"t"}`, "/source", "uri-reference"},
	"media-type: word":                 {with(`"datacontenttype":"json"`), "/datacontenttype", "media-type"},
	"media-type: empty":                {with(`"datacontenttype":""`), "/datacontenttype", "media-type"},
	"media-type: bad parameter":        {with(`"datacontenttype":"text/plain; charset"`), "/datacontenttype", "media-type"},
	"base64: number":                   {with(`"data_base64":1`), "/data_base64", "base64"},
	"base64: object":                   {with(`"data_base64":{}`), "/data_base64", "base64"},
	"base64: no padding":               {with(`"data_base64":"YQ"`), "/data_base64", "base64"},
	"base64: URL alphabet":             {with(`"data_base64":"_-_-"`), "/data_base64", "base64"},
	"base64: newline":                  {with(`"data_base64":"YQ==\n"`), "/data_base64", "base64"},
	"base64: loose bits":               {with(`"data_base64":"YR=="`), "/data_base64", "base64"},
	"base64: holds no JSON":            {with(`"datacontenttype":"application/json","data_base64":"YQ=="`), "/data_base64", "json"},
	"data-or-base64":                   {with(`"data":1,"data_base64":"YQ=="`), "/data_base64", "data-or-base64"},
	"data-string: object":              {with(`"datacontenttype":"text/plain","data":{}`), "/data", "data-string"},
}

func TestParseRefuses(t *testing.T) {
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := events.Parse([]byte(test.in))
			checkInvalid(t, err, test.pointer, test.rule)
		})
	}
}

// checkInvalid checks an error's place and rule, and that it says what to do.
func checkInvalid(t *testing.T, err error, pointer, rule string) {
	t.Helper()
	invalid, ok := errors.AsType[*events.InvalidError](err)
	if !ok {
		t.Fatalf("got error %v, want an *events.InvalidError", err)
	}
	if got, want := invalid.Pointer+" "+invalid.Rule, pointer+" "+rule; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if invalid.Detail == "" || !strings.Contains(err.Error(), rule) {
		t.Errorf("error %q does not say the rule and what to do", err)
	}
}

func TestParseAccepts(t *testing.T) {
	tests := map[string]struct{ in, data string }{
		"no data":                     {with(`"subject":"a"`), ""},
		"data null":                   {data("null"), "null"},
		"data as written":             {data("{\"a\" : 1.0}"), `{"a" : 1.0}`},
		"string stays a JSON string":  {data(`"{}"`), `"{}"`},
		"unknown type":                {data("[]"), "[]"},
		"white space around":          {" \r\n" + data("1") + "\t ", "1"},
		"deepest":                     {data(nest(63)), nest(63)},
		"same name at other depths":   {data(`{"a":{"a":[{"a":1},{"a":2}]}}`), `{"a":{"a":[{"a":1},{"a":2}]}}`},
		"empty containers":            {data(`[{ },[ ]]`), `[{ },[ ]]`},
		"every escape":                {data(`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`), `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`},
		"every number":                {data(`[0,-0,10,1.5,-1E+3,2e-3,1e308]`), `[0,-0,10,1.5,-1E+3,2e-3,1e308]`},
		"text":                        {with(`"datacontenttype":"text/plain","data":"a\nb"`), "a\nb"},
		"bytes":                       {with(`"data_base64":"/wA="`), "\xff\x00"},
		"no bytes":                    {with(`"datacontenttype":"image/png","data_base64":""`), ""},
		"null is unset":               {with(`"subject":null,"data_base64":null,"data":1`), "1"},
		"JSON in base64":              {with(`"datacontenttype":"application/json","data_base64":"IHsiYSI6MX0K"`), `{"a":1}`},
		"JSON by suffix":              {with(`"datacontenttype":"Application/Vnd.A+JSON; charset=utf-8","data":{}`), "{}"},
		"long extension name":         {with(`"averyveryverylongextensionname":"a"`), ""},
		"attributes as JSON data has": {data(`{"ID":1,"id":2,"data_base64":1}`), `{"ID":1,"id":2,"data_base64":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := events.Parse([]byte(test.in))
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if got, want := string(e.Data()), test.data; got != want {
				t.Errorf("got data %q, want %q", got, want)
			}
			if err := e.Validate(); err != nil {
				t.Errorf("the SDK calls the event invalid: %v", err)
			}
		})
	}
}

func TestParseKeepsAttributes(t *testing.T) {
	e, err := events.Parse([]byte(`{"specversion":"1.0","id":" \u00fc 1 ","source":"HTTP://Example.org/%7Ea?b#c","type":"user.created","subject":"u-1",
		"time":"2026-03-01t10:30:00.5+01:00","datacontenttype":"application/json","dataschema":"HTTPS://example.org/s",
		"traceparent":"` + traceparent + `","sequence":"007","sampledrate":2147483647,"flag":true,"off":false,"gone":null,"data":{}}`))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	got := fmt.Sprint(e.ID(), "|", e.Source(), "|", e.Type(), "|", e.Subject(), "|", e.Time().UTC().Format(time.RFC3339Nano), "|", e.DataContentType(), "|", e.DataSchema())
	want := " ü 1 |HTTP://Example.org/%7Ea?b#c|user.created|u-1|2026-03-01T09:30:00.5Z|application/json|HTTPS://example.org/s"
	if got != want {
		t.Errorf("got attributes %q, want %q", got, want)
	}
	gotExt, wantExt := fmt.Sprint(e.Extensions()), fmt.Sprint(map[string]any{"traceparent": traceparent, "sequence": "007", "sampledrate": int32(2147483647), "flag": true, "off": false})
	if gotExt != wantExt {
		t.Errorf("got extensions %s, want %s", gotExt, wantExt)
	}
}

func TestParseCopiesData(t *testing.T) {
	in := []byte(data(`{"a":1}`))
	e, err := events.Parse(in)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	clear(in)
	if got, want := string(e.Data()), `{"a":1}`; got != want {
		t.Errorf("got %q after the input was reused, want %q", got, want)
	}
}
