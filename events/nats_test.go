package events_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

type header = map[string][]string

// binary returns the headers of a binary event and more, as name, value pairs.
func binary(more ...string) header {
	h := header{"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"t"}}
	for i := 0; i < len(more); i += 2 {
		h[more[i]] = append(h[more[i]], more[i+1])
	}
	return h
}

// without returns h without a header.
func without(h header, name string) header {
	delete(h, name)
	return h
}

func TestFromNATSRefuses(t *testing.T) {
	structured := data("{}")
	tests := map[string]struct {
		header        header
		payload       string
		pointer, rule string
	}{
		"mode: batch":                      {header{"content-type": {"Application/CloudEvents-Batch+JSON; charset=utf-8"}}, "[]", "Content-Type", "mode"},
		"mode: batch with ce- headers":     {binary("Content-Type", "application/cloudevents-batch+json"), "[]", "Content-Type", "mode"},
		"mode: avro":                       {header{"Content-Type": {"application/cloudevents+avro"}}, structured, "Content-Type", "mode"},
		"mode: no format":                  {header{"Content-Type": {"application/cloudevents"}}, structured, "Content-Type", "mode"},
		"mode: no event":                   {header{"Content-Type": {"text/plain"}}, "hello", "", "mode"},
		"mode: empty":                      {nil, "", "", "mode"},
		"mode: array":                      {nil, "[" + structured + "]", "", "mode"},
		"required: no specversion":         {header{"ce-id": {"1"}}, "{}", "/specversion", "required"},
		"required: ce-source":              {without(binary(), "ce-source"), "", "ce-source", "required"},
		"duplicate-name: one is empty":     {binary("ce-id", ""), "", "ce-id", "duplicate-name"},
		"required: header without values":  {header{"ce-specversion": {"1.0"}, "ce-id": {}, "ce-source": {"/s"}, "ce-type": {"t"}}, "", "ce-id", "required"},
		"required: blank id":               {header{"ce-specversion": {"1.0"}, "ce-id": {"%20"}, "ce-source": {"/s"}, "ce-type": {"t"}}, "", "ce-id", "required"},
		"specversion":                      {header{"CE-SpecVersion": {"0.3"}, "ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"t"}}, "", "ce-specversion", "specversion"},
		"duplicate-name: two cases":        {binary("CE-ID", "1"), "", "ce-id", "duplicate-name"},
		"duplicate-name: two values":       {binary("ce-subject", "a", "ce-subject", "a"), "", "ce-subject", "duplicate-name"},
		"duplicate-name: two types":        {binary("Content-Type", "text/plain", "content-type", "text/plain"), "", "Content-Type", "duplicate-name"},
		"duplicate-name: in payload":       {binary(), `{"a":{"b":1,"b":2}}`, "/data/a/b", "duplicate-name"},
		"attribute-name: colon":            {binary("ce-:", "a"), "", "ce-:", "attribute-name"},
		"attribute-name: empty":            {binary("ce-", "a"), "", "ce-", "attribute-name"},
		"attribute-name: data":             {binary("ce-data", "a"), "", "ce-data", "attribute-name"},
		"attribute-name: data_base64":      {binary("ce-data_base64", "1"), "", "ce-data_base64", "attribute-name"},
		"attribute-name: Kelvin sign":      {binary("ce-\u212a", "a"), "", "ce-\u212a", "attribute-name"},
		"characters: encoded newline":      {binary("ce-subject", "a%0Ab"), "", "ce-subject", "characters"},
		"characters: encoded zero":         {binary("ce-ext", "%00"), "", "ce-ext", "characters"},
		"characters: content type":         {binary("Content-Type", "text/plain; a=\"\x01\""), "", "Content-Type", "media-type"},
		"percent-encoding: overlong":       {binary("ce-ext", "%C0%A0"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: lone byte":      {binary("ce-ext", "%FF"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: surrogate":      {binary("ce-ext", "%ED%A0%80"), "", "ce-ext", "percent-encoding"},
		"percent-encoding: raw byte":       {binary("ce-ext", "\xff"), "", "ce-ext", "percent-encoding"},
		"quoted-string: not closed":        {binary("ce-ext", `"a`), "", "ce-ext", "quoted-string"},
		"quoted-string: lone quote":        {binary("ce-ext", `"`), "", "ce-ext", "quoted-string"},
		"quoted-string: ends in backslash": {binary("ce-ext", `"a\`), "", "ce-ext", "quoted-string"},
		"quoted-string: more after it":     {binary("ce-ext", `"a"b`), "", "ce-ext", "quoted-string"},
		"media-type: header":               {binary("Content-Type", "json"), "{}", "Content-Type", "media-type"},
		"media-type: attribute":            {binary("ce-datacontenttype", "json"), "{}", "ce-datacontenttype", "media-type"},
		"json: payload":                    {binary("Content-Type", "application/json"), `{"a":1} x`, "/data", "json"},
		"json: payload without a type":     {binary(), "hello", "/data", "json"},
		"utf8: payload":                    {binary(), "\"\xff\"", "/data", "utf8"},
		"uri-reference: decoded once":      {without(binary("CE-Source", "/a%20b"), "ce-source"), "", "ce-source", "uri-reference"},
		"size: headers":                    {binary("ce-ext", strings.Repeat("a", events.MaxSize)), "", "", "size"},
		"size: attribute":                  {binary("ce-ext", strings.Repeat("a", events.MaxAttribute+1)), "", "ce-ext", "size"},
		"size: payload":                    {binary("Content-Type", "text/plain"), strings.Repeat("a", events.MaxSize), "", "size"},
		"structured: base64 number":        {header{"Content-Type": {"application/cloudevents+json"}}, with(`"data_base64":1`), "/data_base64", "base64"},
		"structured: bytes after":          {nil, structured + "}", "", "json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := events.FromNATS(test.header, []byte(test.payload))
			checkInvalid(t, err, test.pointer, test.rule)
		})
	}
}

func TestFromNATSReads(t *testing.T) {
	const structured = `{"specversion":"1.0","id":"body","source":"/s","type":"t","data":{}}`
	tests := map[string]struct {
		header  header
		payload string
		want    string // id, content type, data, ext
	}{
		"structured":                     {header{"Content-Type": {"application/cloudevents+json"}}, structured, `body||{}|`},
		"structured in capitals":         {header{"CONTENT-TYPE": {" Application/CloudEvents+JSON; Charset=UTF-8"}}, structured, `body||{}|`},
		"structured without type":        {nil, "\n" + structured, `body||{}|`},
		"structured with another type":   {header{"Content-Type": {"application/json"}}, structured, `body||{}|`},
		"structured: the body counts":    {binary("Content-Type", "application/cloudevents+json", "ce-:", "x"), structured, `body||{}|`},
		"header without values":          {header{"ce-specversion": {}, "Content-Type": nil}, structured, `body||{}|`},
		"binary":                         {binary("ce-datacontenttype", "application/json"), "{}", `1|application/json|{}|`},
		"binary in odd case":             {header{"CE-SPECVERSION": {"1.0"}, "Ce-Id": {"1"}, "cE-sOURCE": {"/s"}, "ce-Type": {"t"}, "Ce-Ext": {"a"}}, " {} \n", `1||{}|a`},
		"binary: Content-Type alone":     {binary("content-type", "text/plain"), "{", `1|text/plain|{|`},
		"binary: ce-datacontenttype won": {binary("Content-Type", "text/plain", "ce-datacontenttype", "image/png"), "\xff", "1|image/png|\xff|"},
		"binary: no data":                {binary("Content-Type", "application/json"), "", `1|application/json||`},
		"percent":                        {binary("ce-ext", "Euro%20%E2%82%AC%20%F0%9F%98%80"), "", "1|||Euro € 😀"},
		"percent: small hex":             {binary("ce-ext", "%e2%82%ac"), "", "1|||€"},
		"percent: once":                  {binary("ce-ext", "%2541"), "", "1|||%41"},
		"percent: needless":              {binary("ce-ext", "%41"), "", "1|||A"},
		"quoted":                         {binary("ce-ext", `"a \"b\" \\ %20c"`), "", `1|||a "b" \  c`},
		"quoted: empty":                  {binary("ce-ext", `""`), "", `1|||`},
		"raw UTF-8":                      {binary("ce-ext", "€ "), "", "1|||€"},
		"other headers do not count":     {binary("Nats-Msg-Id", "a", "cE", "b", "X", strings.Repeat("a", events.MaxSize)), "", "1|||"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := events.FromNATS(test.header, []byte(test.payload))
			if err != nil {
				t.Fatalf("FromNATS: %v", err)
			}
			ext, _ := e.Extensions()["ext"].(string)
			if got := strings.Join([]string{e.ID(), e.DataContentType(), string(e.Data()), ext}, "|"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
