package events_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// typed returns headers with a Content-Type only.
func typed(contentType string) header { return header{"Content-Type": {contentType}} }

// structured and batched are the headers of the two modes that the body holds.
var (
	structured = typed("application/cloudevents+json")
	batched    = typed("application/cloudevents-batch+json")
)

func TestFromHTTPRefusesMediaTypes(t *testing.T) {
	tests := map[string]struct {
		header header
		batch  bool
		reason string
	}{
		"format: avro":                           {typed("application/cloudevents+avro"), false, "format"},
		"format: avro with ce- headers":          {binary("Content-Type", "application/cloudevents+avro"), false, "format"},
		"format: none":                           {typed("application/cloudevents"), false, "format"},
		"format: prefix counts":                  {typed("application/cloudeventsandmore"), false, "format"},
		"format: JSON is not enough":             {typed("application/cloudevents+jsonl"), false, "format"},
		"format: batch in XML":                   {typed("application/cloudevents-batch+xml"), true, "format"},
		"format: batch in none":                  {typed("APPLICATION/CLOUDEVENTS-BATCH"), true, "format"},
		"malformed: word":                        {binary("Content-Type", "json"), false, "malformed"},
		"malformed: no subtype":                  {binary("Content-Type", "application/"), false, "malformed"},
		"malformed: parameter":                   {typed("application/cloudevents+json; charset"), false, "malformed"},
		"malformed: parameter of a batch":        {typed("application/cloudevents-batch+json; a=b c"), true, "malformed"},
		"malformed: charset twice":               {typed("application/cloudevents+json; charset=utf-8; charset=latin1"), false, "malformed"},
		"malformed: list":                        {typed("application/cloudevents+json, text/plain"), false, "malformed"},
		"malformed: control character":           {binary("Content-Type", "text/plain; a=\"\x01\""), false, "malformed"},
		"malformed: bytes":                       {binary("Content-Type", "text/plain; a=\"\xff\""), false, "malformed"},
		"malformed: given twice":                 {header{"Content-Type": {"application/cloudevents+json", "application/cloudevents+json"}}, false, "more than once"},
		"malformed: given twice in two cases":    {header{"Content-Type": {"text/plain"}, "content-type": {"text/plain"}}, false, "more than once"},
		"charset: structured":                    {typed("application/cloudevents+json; charset=iso-8859-1"), false, "charset"},
		"charset: structured, capitals":          {typed("Application/CloudEvents+JSON; CHARSET=UTF-16"), false, "charset"},
		"charset: structured, quoted":            {typed(`application/cloudevents+json; charset="us-ascii"`), false, "charset"},
		"charset: structured, empty":             {typed(`application/cloudevents+json; charset=""`), false, "charset"},
		"charset: batch":                         {typed("application/cloudevents-batch+json; charset=utf-16"), true, "charset"},
		"charset: binary JSON":                   {binary("Content-Type", "application/json; charset=iso-8859-1"), false, "charset"},
		"charset: binary JSON by suffix":         {binary("Content-Type", "application/vnd.a+json; charset=iso-8859-1"), false, "charset"},
		"format before charset, both are of 415": {typed("application/cloudevents+avro; charset=utf-16"), false, "format"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{data("{}"), "[]", "", "\xff"} {
				list, batch, err := events.FromHTTP(test.header, []byte(body))
				if !errors.Is(err, events.ErrMediaType) || list != nil || batch != test.batch {
					t.Fatalf("got %v, %t, %v, want nil, %t, ErrMediaType", list, batch, err, test.batch)
				}
				for _, want := range []string{test.reason, "application/cloudevents+json", "application/cloudevents-batch+json", "ce-"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error %q does not say %q", err, want)
					}
				}
			}
		})
	}
}

func TestFromHTTPRefusesBinary(t *testing.T) {
	tests := map[string]struct {
		header        header
		body          string
		pointer, rule string
	}{
		"mode: JSON without ce- headers":     {typed("application/json"), data("{}"), "", "mode"},
		"mode: nothing at all":               {nil, "", "", "mode"},
		"mode: header without values":        {header{"ce-id": {}}, "", "", "mode"},
		"content-type: ce-datacontenttype":   {binary("Ce-Datacontenttype", "application/json"), "{}", "ce-datacontenttype", "content-type"},
		"content-type: both agree":           {binary("ce-datacontenttype", "text/plain", "Content-Type", "text/plain"), "a", "ce-datacontenttype", "content-type"},
		"required: ce-specversion":           {without(binary(), "ce-specversion"), "", "ce-specversion", "required"},
		"required: ce-id":                    {without(binary(), "ce-id"), "", "ce-id", "required"},
		"required: ce-source":                {without(binary(), "ce-source"), "", "ce-source", "required"},
		"required: ce-type":                  {without(binary(), "ce-type"), "", "ce-type", "required"},
		"required: ce-id is empty":           {without(binary("Ce-Id", ""), "ce-id"), "", "ce-id", "required"},
		"required: ce-id is quoted empty":    {without(binary("Ce-Id", `""`), "ce-id"), "", "ce-id", "required"},
		"required: ce-id is blank":           {without(binary("Ce-Id", "%20"), "ce-id"), "", "ce-id", "required"},
		"required: ce-source is empty":       {without(binary("Ce-Source", ""), "ce-source"), "", "ce-source", "required"},
		"required: ce-type is empty":         {without(binary("Ce-Type", ""), "ce-type"), "", "ce-type", "required"},
		"empty: subject":                     {binary("ce-subject", ""), "", "ce-subject", "empty"},
		"specversion: 0.3":                   {without(binary("Ce-Specversion", "0.3"), "ce-specversion"), "", "ce-specversion", "specversion"},
		"specversion: 1":                     {without(binary("Ce-Specversion", "1"), "ce-specversion"), "", "ce-specversion", "specversion"},
		"uri-reference: source":              {without(binary("Ce-Source", "my%20app"), "ce-source"), "", "ce-source", "uri-reference"},
		"uri: dataschema is relative":        {binary("ce-dataschema", "/schemas/1"), "", "ce-dataschema", "uri"},
		"time":                               {binary("ce-time", "2026-03-01 09:30:00"), "", "ce-time", "time"},
		"duplicate-name: two values":         {binary("ce-subject", "a", "ce-subject", "a"), "", "ce-subject", "duplicate-name"},
		"duplicate-name: two cases":          {binary("CE-ID", "1"), "", "ce-id", "duplicate-name"},
		"duplicate-name: before the values":  {binary("CE-ID", "%zz"), "", "ce-id", "duplicate-name"},
		"duplicate-name: one is empty":       {binary("ce-id", ""), "", "ce-id", "duplicate-name"},
		"duplicate-name: in the body":        {binary("Content-Type", "application/json"), `{"a":{"b":1,"b":2}}`, "/data/a/b", "duplicate-name"},
		"attribute-name: nothing":            {binary("ce-", "a"), "", "ce-", "attribute-name"},
		"attribute-name: colon":              {binary("ce-:", "a"), "", "ce-:", "attribute-name"},
		"attribute-name: underscore":         {binary("ce-my_ext", "a"), "", "ce-my_ext", "attribute-name"},
		"attribute-name: dash":               {binary("ce-my-ext", "a"), "", "ce-my-ext", "attribute-name"},
		"attribute-name: data":               {binary("Ce-Data", "a"), "", "ce-data", "attribute-name"},
		"attribute-name: data_base64":        {binary("ce-data_base64", "YQ=="), "", "ce-data_base64", "attribute-name"},
		"attribute-name: Kelvin sign":        {binary("ce-\u212a", "a"), "", "ce-\u212a", "attribute-name"},
		"characters: encoded newline":        {binary("ce-subject", "a%0Ab"), "", "ce-subject", "characters"},
		"characters: encoded zero":           {binary("ce-ext", "%00"), "", "ce-ext", "characters"},
		"characters: encoded delete":         {binary("ce-ext", "%7F"), "", "ce-ext", "characters"},
		"characters: encoded C1":             {binary("ce-ext", "%C2%85"), "", "ce-ext", "characters"},
		"characters: raw tab in quotes":      {binary("ce-ext", "\"a\tb\""), "", "ce-ext", "characters"},
		"characters: noncharacter":           {binary("ce-ext", "%EF%B7%90"), "", "ce-ext", "characters"},
		"characters: last of a plane":        {binary("ce-ext", "%F4%8F%BF%BF"), "", "ce-ext", "characters"},
		"percent-encoding: overlong":         {binary("ce-ext", "%C0%A0"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: lone byte":        {binary("ce-ext", "%FF"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: surrogate":        {binary("ce-ext", "%ED%A0%80"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: surrogate pair":   {binary("ce-ext", "%ED%A0%BD%ED%B8%80"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: beyond Unicode":   {binary("ce-ext", "%F4%90%80%80"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: cut off":          {binary("ce-ext", "%E2%82"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: raw byte":         {binary("ce-ext", "\xff"), "", "ce-ext", "percent-encoding"},
		"quoted-string: not closed":          {binary("ce-ext", `"a`), "", "ce-ext", "quoted-string"},
		"quoted-string: closed by an escape": {binary("ce-ext", `"a\"`), "", "ce-ext", "quoted-string"},
		"quoted-string: ends in backslash":   {binary("ce-ext", `"a\`), "", "ce-ext", "quoted-string"},
		"quoted-string: more after it":       {binary("ce-ext", `"a" "b"`), "", "ce-ext", "quoted-string"},
		"json: body":                         {binary("Content-Type", "application/json"), `{"a":1} x`, "/data", "json"},
		"json: body of a suffix":             {binary("Content-Type", "application/vnd.a+json"), `a`, "/data", "json"},
		"utf8: body":                         {binary("Content-Type", "application/json; charset=UTF-8"), "\"\xff\"", "/data", "utf8"},
		"size: attribute":                    {binary("ce-ext", strings.Repeat("a", events.MaxAttribute+1)), "", "ce-ext", "size"},
		"size: attribute, decoded":           {binary("ce-ext", strings.Repeat("%41", events.MaxAttribute+1)), "", "ce-ext", "size"},
		"size: content type":                 {binary("Content-Type", "text/plain; a="+strings.Repeat("a", events.MaxAttribute)), "", "Content-Type", "size"},
		"size: body":                         {binary("Content-Type", "text/plain"), strings.Repeat("a", events.MaxSize), "", "size"},
		"size: headers":                      {binary("ce-:", strings.Repeat("a", events.MaxSize)), "", "", "size"},
		"quotes are undone before percent":   {binary("ce-ext", `%22a%22b`, "ce-n", `"%5C`), "", "ce-n", "quoted-string"},
		"mode: another main type":            {typed("text/cloudevents+json"), data("{}"), "", "mode"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(test.header, []byte(test.body))
			checkInvalid(t, err, test.pointer, test.rule)
			if list != nil || batch {
				t.Errorf("got %v, %t, want nil, false", list, batch)
			}
		})
	}
}

func TestFromHTTPReadsBinary(t *testing.T) {
	tests := map[string]struct {
		header header
		body   string
		want   string // content type, data, ext
	}{
		"body is the data, byte for byte":   {binary("Content-Type", "application/json"), " {\"a\" : 1.0,\r\n \"b\":\"\\u0041\"}\n", "application/json| {\"a\" : 1.0,\r\n \"b\":\"\\u0041\"}\n|"},
		"body of another type":              {binary("Content-Type", "image/png"), "\xff\x00 ", "image/png|\xff\x00 |"},
		"body of another charset":           {binary("Content-Type", "text/plain; charset=iso-8859-1"), "\xfc", "text/plain; charset=iso-8859-1|\xfc|"},
		"body is a JSON string":             {binary("Content-Type", "application/json"), `"{}"`, `application/json|"{}"|`},
		"body is null":                      {binary("Content-Type", "application/json"), "null", "application/json|null|"},
		"Content-Type as sent":              {binary("content-TYPE", "Application/JSON; Charset=\"UTF-8\"; a=b"), "{}", "Application/JSON; Charset=\"UTF-8\"; a=b|{}|"},
		"no body, no data":                  {binary("Content-Type", "application/json"), "", "application/json|<nil>|"},
		"no body, no Content-Type":          {binary(), "", "|<nil>|"},
		"no Content-Type: JSON":             {binary(), " {} ", "| {} |"},
		"no Content-Type: bytes":            {binary(), "hello", "|hello|"},
		"no Content-Type: no UTF-8":         {binary(), "\xff", "|\xff|"},
		"no Content-Type: names twice":      {binary(), `{"a":1,"a":2}`, `|{"a":1,"a":2}|`},
		"empty Content-Type is none":        {binary("Content-Type", " "), "{}", "|{}|"},
		"names in any case":                 {header{"CE-SPECVERSION": {"1.0"}, "Ce-Id": {"1"}, "cE-sOURCE": {"/s"}, "ce-Type": {"t"}, "Ce-EXT": {"a"}}, "", "|<nil>|a"},
		"percent":                           {binary("ce-ext", "Euro%20%E2%82%AC%20%F0%9F%98%80"), "", "|<nil>|Euro € 😀"},
		"percent: lower-case hex":           {binary("ce-ext", "%e2%82%ac"), "", "|<nil>|€"},
		"percent: needless":                 {binary("ce-ext", "%41%62"), "", "|<nil>|Ab"},
		"percent: once":                     {binary("ce-ext", "%2541"), "", "|<nil>|%41"},
		"percent: plus stays":               {binary("ce-ext", "a+b"), "", "|<nil>|a+b"},
		"percent: encoded quotes stay":      {binary("ce-ext", "%22a%22"), "", `|<nil>|"a"`},
		"quoted":                            {binary("ce-ext", `"a \"b\" \\ %20c\d"`), "", `|<nil>|a "b" \  cd`},
		"quoted: escape makes a percent":    {binary("ce-ext", `"\%41"`), "", `|<nil>|A`},
		"quoted: empty":                     {binary("ce-ext", `""`), "", "|<nil>|"},
		"quoted: inside stays":              {binary("ce-ext", `a"b"`), "", `|<nil>|a"b"`},
		"raw UTF-8":                         {binary("ce-ext", "€ "), "", "|<nil>|€"},
		"largest attribute":                 {binary("ce-n", strings.Repeat("a", events.MaxAttribute)), "", "|<nil>|"},
		"other headers do not count":        {binary("Traceparent", "a", "cE", "b", "X-Ce-Id", "2", "X", strings.Repeat("a", events.MaxSize)), "", "|<nil>|"},
		"media type that only looks like":   {binary("Content-Type", "text/cloudevents+json"), "[]", "text/cloudevents+json|[]|"},
		"media type of one letter less":     {binary("Content-Type", "application/cloudevent"), "a", "application/cloudevent|a|"},
		"mode by prefix, not by what it is": {binary("Content-Type", `application/x; a="application/cloudevents"`), "a", `application/x; a="application/cloudevents"|a|`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(test.header, []byte(test.body))
			if err != nil || batch || len(list) != 1 {
				t.Fatalf("got %v, %t, %v, want one event", list, batch, err)
			}
			e := list[0]
			ext, _ := e.Extensions()["ext"].(string)
			got := e.DataContentType() + "|" + string(e.Data()) + "|" + ext
			if e.Data() == nil {
				got = e.DataContentType() + "|<nil>|" + ext
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			sameAgain(t, trimmed(e))
		})
	}
}

// trimmed returns e as it stands in a stream: no white space around JSON.
func trimmed(e events.Event) events.Event {
	if events.IsJSON(e.DataContentType()) && !e.DataBase64 {
		e.DataEncoded = []byte(strings.TrimSpace(string(e.DataEncoded)))
		if len(e.DataEncoded) == 0 {
			e.DataEncoded = nil
		}
	}
	return e
}

func TestFromHTTPReadsStructured(t *testing.T) {
	const body = `{"specversion":"1.0","id":"body","source":"/s","type":"t","data":{}}`
	tests := map[string]struct {
		header header
		body   string
		want   string // id, content type, data, extensions
	}{
		"plain":                      {structured, body, "body||{}|map[]"},
		"any case, parameters":       {header{"content-type": {" Application/CloudEvents+JSON ;a=b; Charset=UTF-8"}}, " " + body + "\n", "body||{}|map[]"},
		"header copies are ignored":  {binary("Content-Type", "application/cloudevents+json", "ce-ext", "%zz", "ce-:", "x", "ce-datacontenttype", "a"), body, "body||{}|map[]"},
		"size of copies, too":        {binary("Content-Type", "application/cloudevents+json", "ce-ext", strings.Repeat("a", events.MaxSize)), body, "body||{}|map[]"},
		"null attribute is unset":    {structured, with(`"subject":null,"time":null,"ext":null,"datacontenttype":null,"data_base64":null`), "1|||map[]"},
		"data null":                  {structured, data("null"), "1||null|map[]"},
		"data string stays a string": {structured, with(`"datacontenttype":"application/json","data":"{\"a\":1}"`), `1|application/json|"{\"a\":1}"|map[]`},
		"data string without a type": {structured, data(`"I'm just a string"`), `1||"I'm just a string"|map[]`},
		"data of another type":       {structured, with(`"datacontenttype":"application/xml","data":"<a b=\"c\"/>"`), `1|application/xml|<a b="c"/>|map[]`},
		"data_base64":                {structured, with(`"datacontenttype":"image/png","data_base64":"/wA="`), "1|image/png|\xff\x00|map[]"},
		"32-bit integers":            {structured, with(`"max":2147483647,"min":-2147483648,"yes":true`), "1|||map[max:2147483647 min:-2147483648 yes:true]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(test.header, []byte(test.body))
			if err != nil || batch || len(list) != 1 {
				t.Fatalf("got %v, %t, %v, want one event", list, batch, err)
			}
			e := list[0]
			if got := fmt.Sprintf("%s|%s|%s|%v", e.ID(), e.DataContentType(), e.Data(), e.Extensions()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			sameAgain(t, e)
		})
	}
}

// What Parse refuses, FromHTTP refuses by the same rule: alone, and in a batch
// with the place of the event.
func TestFromHTTPRefusesWhatParseRefuses(t *testing.T) {
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			list, batch, err := events.FromHTTP(structured, []byte(test.in))
			checkInvalid(t, err, test.pointer, test.rule)
			if list != nil || batch {
				t.Errorf("got %v, %t, want nil, false", list, batch)
			}
			good := with(`"subject":"good"`)
			list, batch, err = events.FromHTTP(batched, []byte("["+good+","+test.in+" ,"+good+"]"))
			if list != nil || !batch {
				t.Errorf("batch: got %v, %t, want nil, true", list, batch)
			}
			if _, ok := errors.AsType[*events.BatchError](err); json.Valid([]byte(test.in)) || ok {
				checkFaults(t, err, "1 "+test.pointer+" "+test.rule)
				return
			}
			checkInvalid(t, err, "", "json") // no JSON, so nobody knows where the event ends
		})
	}
}

func TestSameEventInEveryModeOfHTTP(t *testing.T) {
	const body = `{"specversion":"1.0","id":"ü 1","source":"/S/%7Ea","type":"t","subject":"a \"b\"","time":"2026-03-01T09:30:00Z","datacontenttype":"application/json","ext":"%41","data":{"a" : 1}}`
	h := http.Header{
		"Ce-Specversion": {"1.0"}, "Ce-Id": {"%C3%BC%201"}, "Ce-Source": {"/S/%257Ea"}, "Ce-Type": {"t"}, "Ce-Subject": {`"a \"b\""`},
		"Ce-Time": {"2026-03-01T09:30:00Z"}, "Ce-Ext": {"%2541"}, "Content-Type": {"application/json"},
	}
	requests := map[string]struct {
		header http.Header
		body   string
	}{"binary": {h, "\n{\"a\" : 1} "}, "structured": {structured, body}, "batch": {batched, "[" + body + "]"}}
	for name, r := range requests {
		t.Run(name, func(t *testing.T) {
			list, _, err := events.FromHTTP(r.header, []byte(r.body))
			if err != nil || len(list) != 1 {
				t.Fatalf("got %v, %v, want one event", list, err)
			}
			_, got, err := events.ToNATS(list[0])
			if err != nil || string(got) != body {
				t.Errorf("got  %s, %v\nwant %s", got, err, body)
			}
		})
	}
}

func TestFromHTTPBehindAServer(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		list, batch, err := events.FromHTTP(r.Header, body)
		got = fmt.Sprint(len(list), batch, err)
		if err == nil {
			got = describe(list[0])
		}
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(`{"user_id":"u"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"cE-SPECversion": {"1.0"}, "ce-id": {"%C3%BC"}, "CE-Source": {"/s"}, "Ce-Type": {"t"}, "content-type": {"application/json"}}
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if want := describe(mustParse(t, `{"specversion":"1.0","id":"ü","source":"/s","type":"t","datacontenttype":"application/json","data":{"user_id":"u"}}`)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFromHTTPCopiesData(t *testing.T) {
	for name, h := range map[string]header{"binary JSON": binary(), "binary bytes": binary("Content-Type", "text/plain"), "bytes of no type": binary()} {
		t.Run(name, func(t *testing.T) {
			body := []byte(`"a"`)
			if name == "bytes of no type" {
				body = []byte("a b")
			}
			want := string(body)
			list, _, err := events.FromHTTP(h, body)
			if err != nil {
				t.Fatal(err)
			}
			clear(body)
			if got := string(list[0].Data()); got != want {
				t.Errorf("got %q after the body was reused, want %q", got, want)
			}
		})
	}
}
