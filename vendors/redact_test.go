package vendors_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/usherhq/usher/vendors"
)

func TestMessagesShowNoValue(t *testing.T) {
	sent := map[string]any{"name": "Jörg Müller", "email": "joerg+x@example.org", "password": "Aa1-hunter2", "tags": []string{"vip customer"}, "n": 7}
	tests := map[string]struct {
		body string
		want string // the message
	}{
		"message":          {`{"message":"No query results"}`, "No query results"},
		"error":            {`{"error":"Not here"}`, "Not here"},
		"both and fields":  {`{"message":"invalid","errors":{"email":["is <bad>"]}}`, `invalid {"email":["is <bad>"]}`},
		"container":        {`{"response":{"status":"error","message":"Invalid auth"}}`, "Invalid auth"},
		"object for error": {`{"error":{"code":7}}`, `{"code":7}`},
		"unknown JSON":     {`{"reason":"odd"}`, `{"reason":"odd"}`},
		"array":            {`["odd"]`, `["odd"]`},
		"page":             {"<html>\n  <b>Bad</b>\n</html>", "<html> <b>Bad</b> </html>"},
		"nothing":          {"", ""},
		"name":             {`{"message":"J\u00f6rg M\u00fcller exists"}`, "[redacted] exists"},
		"e-mail, escaped":  {`{"error":"ada\u0040example.org exists"}`, "[redacted] exists"},
		"name, long":       {`{"message":"J\u00f6rg M\u00fcller exists","trace":"` + strings.Repeat("x", 20<<10) + `"}`, "[redacted] exists"},
		"name, half":       {`{"message":"J\u00f6rg M\u00fcller exi`, `{"message":"[redacted] exi`},
		"name in a notice": {`Notice: {"message":"J\u00f6rg M\u00fcller \ud83d\ude00 \u12"}`, `Notice: {"message":"[redacted] 😀 \u12"}`},
		"another's e-mail": {`{"message":"is like eve@example.org"}`, "is like [redacted]"},
		"e-mail as sent":   {`{"message":"joerg%2Bx%40example.org exists"}`, "[redacted] exists"},
		"password":         {`{"message":"weak: Aa1-hunter2"}`, "weak: [redacted]"},
		"list":             {`{"message":"no vip customer"}`, "no [redacted]"},
		"credentials":      {`{"message":"Bearer tok-123456 or tok-123456 is bad"}`, "[redacted] or [redacted] is bad"},
		"percent-encoded":  {`{"message":"sent %74ok%2D123456%20"}`, "sent [redacted]"},
		"entities":         {`{"message":"sent &#116;&#x6f;k-1234&#53;6 &amp;amp;"}`, "sent [redacted] &"},
		"upper case":       {`{"message":"sent TOK-123456"}`, "sent[redacted]"},
		"base64":           {`{"message":"sent dG9rLTEyMzQ1Ng=="}`, "sent [redacted]=="},
		"base64, inside":   {`{"message":"sent YTp0b2stMTIzNDU2Og"}`, "sent YTp[redacted]Og"},
		"hex":              {`{"message":"sent 746F6B2D313233343536"}`, "sent [redacted]"},
		"a piece":          {`{"message":"sent ok-12345 and ok-123"}`, "sent [redacted] and ok-123"},
		"cut off":          {`{"message":"Authorization: Bearer tok-1234"}`, "Authorization: [redacted]"},
		"configured":       {`{"message":"key k-secret"}`, "key [redacted]"},
		"not UTF-8":        {"bad \xff", "bad ?"},
		"any case":         {`{"Message":"no","Trace":"x"}`, "no"},
		"many values":      {`{"message":[` + strings.Repeat("[],", 2000) + `[]]}`, "the response has more than 1024 JSON values"},
		"deep":             {`{"message":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "the response has more than 64 levels of JSON"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := refusal(t, test.body, vendors.Call{Method: "POST", Path: "/", JSON: sent})
			if err.Message != test.want {
				t.Errorf("got %q, want %q", err.Message, test.want)
			}
		})
	}
}

// An error longer than 64 KiB is not read to the end, and escapes in the rest hide nothing.
func TestMessagesOfLongErrors(t *testing.T) {
	sent := map[string]string{"name": `Jörg "Jo" Müller`}
	body := `{"message":"J\u00f6rg \"Jo\" M\u00fcller exists","trace":"` + strings.Repeat("x", 64<<10) + `"}`
	got := refusal(t, body, vendors.Call{Method: "POST", Path: "/", JSON: sent}).Message
	if want := `{"message":"[redacted] exists","trace":"xxx`; !strings.HasPrefix(got, want) || len(got) > 512 {
		t.Errorf("got %q, want at most 512 bytes that begin with %q", got, want)
	}
}

// refusal makes the call to a vendor that answers 422 with the body.
func refusal(t *testing.T, body string, call vendors.Call) *vendors.Error {
	t.Helper()
	transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 422, body), nil })
	err := client(transport, vendors.StaticAuth{"Authorization": "Bearer tok-123456"}, "k-secret", "").Do(t.Context(), call)
	e, ok := errors.AsType[*vendors.Error](err)
	if !ok {
		t.Fatalf("got %v, want an Error", err)
	}
	return e
}

// A value that an event repeats many times, and the vendor too, must cost little. The value is a part of
// the word in its place.
func TestRepeatedValuesCostLittle(t *testing.T) {
	list := make([]string, 2000)
	for i := range list {
		list[i] = "reda"
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := refusal(t, `{"message":"`+strings.Repeat("reda ", 1000)+`"}`, vendors.Call{Method: "POST", Path: "/", JSON: list}).Message
	runtime.ReadMemStats(&after)
	if made := after.TotalAlloc - before.TotalAlloc; made > 256<<20 { // 46 GB if each value is looked for in what is cut already
		t.Errorf("an error of 5 kB took %d MiB, want at most 256", made>>20)
	}
	if !strings.HasPrefix(got, "[redacted] [redacted] ") {
		t.Errorf("got %q", got)
	}
}

// Values that overlap leave no piece, and the longest of a place counts.
func TestOverlappingValuesAreCut(t *testing.T) {
	sent := []string{"lovelace", "ada.lovelace@", "ada.", "ada.lovelacf", "xada", "lovelace-byron"}
	for text, want := range map[string]string{
		"xada.lovelace-byron!": "[redacted][redacted]!", "ada.lovelacex": "[redacted][redacted]x", "ada.lovelac": "[redacted]lovelac", "lov elace": "lov elace",
	} {
		if got := refusal(t, `{"message":"`+text+`"}`, vendors.Call{Method: "POST", Path: "/", JSON: sent}).Message; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestQueriesAreCut(t *testing.T) {
	call := vendors.Call{Method: "GET", Path: "/", Query: url.Values{"query[]": {"search=Lovelace"}, "filter": {"Augusta"}}}
	if got := refusal(t, `{"message":"nothing for Lovelace, Augusta"}`, call).Message; got != "nothing for [redacted], [redacted]" {
		t.Errorf("got %q", got)
	}
}

func TestMessagesAreShort(t *testing.T) {
	for name, body := range map[string]string{
		"ASCII": strings.Repeat("a", 5000), "two bytes": "x" + strings.Repeat("ö", 5000), "JSON": `{"message":"` + strings.Repeat("€", 5000) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := refusal(t, body, vendors.Call{Method: "GET", Path: "/"}).Message
			if len(got) > 512 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
				t.Errorf("got %d bytes, want at most 512 of valid UTF-8 that end in …", len(got))
			}
		})
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(`{"message":"joerg@example.org"}`)
	f.Add(`{"errors":{"email":["x"]}}`)
	f.Add(`{"message":[` + strings.Repeat("[],", 2000) + `[]]}`)
	f.Add(`{"message":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`)
	f.Add(`{"message":"` + strings.Repeat(`\u0061\"`, 20_000) + `"}`)
	f.Fuzz(func(t *testing.T, body string) {
		got := refusal(t, body, vendors.Call{Method: "GET", Path: "/"}).Message
		if len(got) > 512 || !utf8.ValidString(got) || strings.Contains(got, "tok-123456") || strings.Contains(got, "k-secret") {
			t.Errorf("got %q", got)
		}
	})
}

func TestIntReadsBothShapes(t *testing.T) {
	tests := map[string]struct {
		text string
		want vendors.Int
		ok   bool
	}{
		"number": {"15", 15, true}, "text": {`"15"`, 15, true}, "null": {"null", 0, true}, "empty": {`""`, 0, true},
		"words": {`"many"`, 0, false}, "fraction": {"1.5", 0, false}, "list": {"[1]", 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got vendors.Int
			err := json.Unmarshal([]byte(test.text), &got)
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("got %d, %v, want %d", got, err, test.want)
			}
		})
	}
}
