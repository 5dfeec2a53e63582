package vendors_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// list returns a JSON array of n elements.
func list(n int, element string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

func TestLimitsOfTheJSONOfAResponse(t *testing.T) {
	for name, test := range map[string]struct {
		body  string
		items int
		want  string // part of the error; empty for success
	}{
		"a small page":           {`{"data":` + list(200, "{}") + `}`, 1, ""},
		"too many items":         {`{"data":` + list(201, "{}") + `}`, 1, "more than 200 list items"},
		"twice the page":         {list(1000, `{"roles":[1,2,3]}`), 500, ""},
		"more than twice":        {list(1001, "null"), 500, "more than 1000 list items"},
		"in two lists":           {`{"a":` + list(150, "1") + `,"b":[{}],"a":` + list(150, "1") + `}`, 100, "more than 200 list items"},
		"lists of an item":       {`{"data":[{"ids":` + list(5000, "1") + `}]}`, 1, ""},
		"items of unknown size":  {list(10_000, "{}"), 0, ""},
		"too many of unknown":    {list(10_001, "{}"), 0, "more than 10000 list items"},
		"many values":            {`[` + list(131_000, "1") + `]`, 0, ""},
		"too many values":        {`[` + list(131_072, "1") + `]`, 0, "more than 131072 JSON values"},
		"levels":                 {strings.Repeat("[", 64) + strings.Repeat("]", 64), 0, ""},
		"too many levels":        {strings.Repeat("[", 65) + strings.Repeat("]", 65), 0, "more than 64 levels"},
		"a long number":          {`{"n":1.` + strings.Repeat("0", 126) + `}`, 0, ""},
		"too long a number":      {`{"n":1.` + strings.Repeat("0", 127) + `}`, 0, "a number of more than 128 bytes"},
		"brackets in a string":   {`{"n":"` + strings.Repeat(`[,\"{\\`, 1000) + `"}`, 1, ""},
		"digits in a string":     {`{"n":"` + strings.Repeat("1", 1000) + `"}`, 1, ""},
		"white space":            {strings.Repeat(" \t\r\n", 100) + `{"n" : 1 }`, 1, ""},
		"brackets that only end": {strings.Repeat("]}", 100), 1, "no JSON at byte 1"},
		"half a string":          {`{"n":"` + strings.Repeat("1", 1000) + `\`, 1, "ends within the JSON"},
		"larger than any body":   {`"` + strings.Repeat("a", 4<<20) + `"`, 1, "larger than 4 MiB"},
		"the largest body":       {`"` + strings.Repeat("a", 4<<20-2) + `"`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 200, test.body), nil })
			var out any
			err := client(transport, nil).Do(t.Context(), vendors.Call{Method: "POST", Path: "/", Items: test.items, Out: &out})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want success", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			case test.want != "" && (vendors.ClassOf(err) != vendors.Again || !vendors.IsUnknown(err)):
				t.Errorf("got class %v, want again, and that the change may have been made", vendors.ClassOf(err))
			}
		})
	}
}

// An ignored body need not be JSON, and has no limit but the size.
func TestIgnoredBodiesAreNotCounted(t *testing.T) {
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		return answer(r, 200, "ok "+strings.Repeat("[", 1000)+strings.Repeat("1", 1000)), nil
	})
	if err := client(transport, nil).Do(t.Context(), vendors.Call{Method: "POST", Path: "/"}); err != nil {
		t.Error(err)
	}
}

// FuzzResponses compares the limits with the values that encoding/json makes of a response.
func FuzzResponses(f *testing.F) {
	for _, unit := range []string{"[],", "{},", "null,", `{"a":[{}]},`, `"\\\"[",`, "1e9,"} {
		f.Add([]byte("["+strings.TrimSuffix(strings.Repeat(unit, 300), ",")+"]"), 1)
	}
	f.Add([]byte(strings.Repeat("[", 65)+strings.Repeat("]", 65)), 0)
	f.Add([]byte(`{"data":[],"data":[{"a":[1]},2]}`), 7)
	f.Fuzz(func(t *testing.T, body []byte, items int) {
		items = max(0, items)
		transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answer(r, 200, string(body)), nil })
		var out any
		if client(transport, nil).Do(t.Context(), vendors.Call{Method: "POST", Path: "/", Items: items, Out: &out}) != nil {
			return
		}
		if values, levels := sizeOf(out); values > 131_072 || levels > 64 {
			t.Errorf("got %d values on %d levels", values, levels)
		}
		var top []json.RawMessage
		if json.Unmarshal(body, &top) == nil && items > 0 && items < 1<<20 && len(top) > max(200, 2*items) {
			t.Errorf("got %d items, want at most those of %d requested", len(top), items)
		}
	})
}

// sizeOf returns the number of values in a JSON value, and the number of levels.
func sizeOf(value any) (values, levels int) {
	var parts []any
	switch value := value.(type) {
	case []any:
		parts = value
	case map[string]any:
		for _, part := range value {
			parts = append(parts, part)
		}
	default:
		return 1, 0
	}
	values = 1
	for _, part := range parts {
		more, deeper := sizeOf(part)
		values, levels = values+more, max(levels, deeper)
	}
	return values, levels + 1
}
