package vendors_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// FuzzParseJSON compares the values of ParseJSON with the values of encoding/json.
func FuzzParseJSON(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { } `, "[ ]", `null`, `[true,false,null]`, `-1.5e+7`, `[0,9007199254740993,1E2]`, `""`,
		`{"a":{"b":[1,{"c":"d"}]},"a":2}`, `{"":"\"\\\u00e9\ud83d\ude00\n"}`, "\"\xff\"", "{\"\xffa\" :\t[ 1 , 2 ]\r\n}", `"\ud800"`, `[[[],{}],""]`,
		`{"a":1}x`, `{"a"`, `[1,]`, "\ufeff1", "", `01`, "[\"\\", `{"a":1,}`,
	} {
		f.Add([]byte(text))
	}
	for _, text := range []string{
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 70) + strings.Repeat("]", 70), strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 63),
		strings.Repeat("9", 400), "-0", "1e308", "1e400", "-1.7976931348623157e309", "0." + strings.Repeat("0", 400) + "1", `{"a":` + strings.Repeat("1", 5000) + "}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := vendors.ParseJSON(text, 0)
		var want any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if valid := json.Valid(text) && d.Decode(&want) == nil; !valid {
			if err == nil {
				t.Errorf("got %v without an error for a text that is no JSON", got)
			}
			return
		}
		if err == nil && !reflect.DeepEqual(want, got) { // cmp.Diff takes twice the time with each level
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
