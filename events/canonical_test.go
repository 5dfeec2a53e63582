package events

import "testing"

// canonicals are data and kinds of data that the two ways could write differently.
var canonicals = []string{
	`{}`, `[]`, ` {"b" : 1.50, "a":[1, {"d":null,"c":true}, [ ]]} `, `{"a":"<b>&","é":"é\u00e9\u2028","\u0062":"\\\"\/"}`,
	`{"a":1,"a":2}`, `{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}`, `"text"`, `"a\u007f"`, `-0`, `1e5`, `true x`, `{"a":1} {"b":2}`, ``, `nul`, `{"a"`, `[1,]`,
	"{\"a\":\"\xff\"}", "{\"\xff\":1}", `{"a":"\ud800"}`, `{"b":1,"B":2,"":3}`, `01`, "\xef\xbb\xbf{}",
}

func TestCanonical(t *testing.T) {
	for _, data := range canonicals {
		checkCanonical(t, data)
	}
	for _, quick := range canonicals[:4] {
		if _, ok := quickCanonical([]byte(quick)); !ok {
			t.Errorf("%s has to be decoded", quick)
		}
	}
}

// FuzzCanonical checks that both ways write the same.
func FuzzCanonical(f *testing.F) {
	for _, data := range canonicals {
		f.Add(data)
	}
	f.Fuzz(checkCanonical)
}

func checkCanonical(t *testing.T, data string) {
	e := Event{DataEncoded: []byte(data)}
	if got, want := canonical(e), decodedCanonical([]byte(data)); got != want {
		t.Errorf("canonical of %q: %q, want %q", data, got, want)
	}
}
