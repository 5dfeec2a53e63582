package masking

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"ada@example.org": "a…@example.org",
		"Ada Lovelace <ada.l+x@mail.example.org>, ok": "Ada Lovelace <a…@mail.example.org>, ok",
		"taken: o'neil@example.org.":                  "taken: o'n…@example.org.", // what stands before a quote may be another word
		"ada%40example.org":                           "a…@example.org",
		"https://u:p@host.example/x?to=b@example.org": "https://u:…@host.example/x?to=…@example.org",
		"zoë@exämple.org":                             "z…@exämple.org",
		"a@b":                                         "…@b",
		"call +43 1 555 0100 now":                     "call +4…00 now",
		"call 0043/1/5550100":                         "call 00…00",
		"(01) 555 01 00":                              "(0…00",
		"0664 555 0100":                               "06…00",
		"on 2026-09-01 08:00:00, 4711 of 120000":      "on 2026-09-01 08:00:00, 4711 of 120000",
		"0b6f3c1e-58d2-4f5b-9a3f-000000000001":        "0b6f3c1e-58d2-4f5b-9a3f-000000000001",
		"user u-1 at lead: 404":                       "user u-1 at lead: 404",
		"":                                            "",
	} {
		if got := Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Commands and console show the same of an id, and of a value that should be an e-mail.
func TestMaskIDsAndEmails(t *testing.T) {
	for value, want := range map[string][2]string{
		"ada@example.org":     {"a…@example.org", "a…@example.org"},
		"a@example.org":       {"…@example.org", "…@example.org"},
		"u-4711":              {"u-4711", "u…"},
		"004315550100":        {"004315550100", "00…00"}, // a telephone number as a user name
		"Ada L <ada@example>": {"Ada L <a…@example>", "Ada L <a…@example>"},
		"a":                   {"a", "…"},
		"":                    {"", ""},
	} {
		if id, email := ID(value), Email(value); id != want[0] || email != want[1] {
			t.Errorf("%q: got %q and %q, want %q", value, id, email, want)
		}
	}
}

func TestMaskJSON(t *testing.T) {
	for name, test := range map[string]struct{ doc, want string }{
		"in a member":       {`{"email": "ada@example.org"}`, `{"email": "a…@example.org"}`},
		"written otherwise": {`{"x":"ada\u0040example.org"}`, `{"x":"a…@example.org"}`},
		"in a name":         {`{"ada@example.org": 1}`, `{"a…@example.org": 1}`},
		"deep":              {`[[{"a":["to ada@example.org"]}]]`, `[[{"a":["to a…@example.org"]}]]`},
		"a telephone":       {`{"phone":"5550100","Mobile":4315550100,"tel":["1234567"],"n":4315550100}`, `{"phone":"55…00","Mobile":"43…00","tel":["12…67"],"n":4315550100}`},
		"encoded data":      {`{"data_base64":"YWRhQGV4YW1wbGUub3Jn"}`, `{"data_base64":"(hidden)"}`},
		"as it stands":      {"{\n  \"a\": \"<b>\\u00e9\",  \"t\": [1.5e3, true, null]\n}", "{\n  \"a\": \"<b>\\u00e9\",  \"t\": [1.5e3, true, null]\n}"},
		"no JSON":           {`{"email": "ada@example.org"`, `{"email": "a…@example.org"`},
	} {
		if got := JSON([]byte(test.doc)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// No address that a document holds, however deep and however written, is left.
func TestMaskJSONLeavesNoAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z0-9.+_!#$*{}|~^?-]{2,20}@[a-z]{1,10}\.[a-z]{2,5}`).Draw(t, "address")
		around := rapid.SampledFrom([]string{"%s", "<%s>", "to %s, please", "mailto:%s?x", "\"%s\"", "\t%s\n", "é%s"}).Draw(t, "around")
		text := strings.Replace(around, "%s", address, 1)
		var doc any = text
		for range rapid.IntRange(0, 3).Draw(t, "depth") {
			if rapid.Bool().Draw(t, "list") {
				doc = []any{1, doc, nil}
			} else {
				doc = map[string]any{"a": doc, text: true}
			}
		}
		body, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "escaped") {
			body = regexp.MustCompile(`@`).ReplaceAll(body, []byte(`\u0040`))
		}
		var back any
		masked := JSON(body)
		if err := json.Unmarshal([]byte(masked), &back); err != nil {
			t.Fatalf("it is no JSON any more: %v\n%s", err, masked)
		}
		if plain, _ := json.Marshal(back); strings.Contains(string(plain), address) || strings.Contains(masked, address) {
			t.Fatalf("%s is left in %s", address, masked)
		}
	})
}
