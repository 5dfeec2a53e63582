package bounded_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usherhq/usher/bounded"
)

func TestJSONWithinLimits(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, 8<<20/len(unit)) }
	all := bounded.JSON{Levels: 64, Values: 1000, Items: 10, Number: 100}
	for name, test := range map[string]struct {
		text string
		JSON bounded.JSON
		want string // empty for success
	}{
		"8 MiB of empty lists":     {"[" + fill("[],") + "[]]", bounded.JSON{Values: 1000}, "more than 1000 JSON values"},
		"8 MiB of empty objects":   {"[" + fill("{},") + "{}]", bounded.JSON{Values: 1000}, "more than 1000 JSON values"},
		"8 MiB of members":         {"{" + fill(`"a":0,`) + `"a":0}`, bounded.JSON{Values: 1000}, "more than 1000 JSON values"},
		"8 MiB of brackets":        {fill("["), bounded.JSON{Levels: 64}, "more than 64 levels of JSON"},
		"8 MiB of digits":          {fill("1"), bounded.JSON{Number: 100}, "a number of more than 100 bytes"},
		"8 MiB of list items":      {"[" + fill("null,") + "null]", bounded.JSON{Items: 10}, "more than 10 list items, unlike the request"},
		"no limit":                 {"[" + fill("[],") + "[]]", bounded.JSON{}, ""},
		"8 MiB of brackets quoted": {`"` + fill("[") + `"`, all, ""},
		"a user":                   {`{"user_id":"ada","attributes":{"a":[1,2,3]}}`, all, ""},
		"nothing":                  {"", all, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := test.JSON.Check([]byte(test.text)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzJSON compares the counted values and levels with the values of encoding/json.
func FuzzJSON(f *testing.F) {
	for _, unit := range []string{"[],", "{},", `{"a":[{}]},`, `"\\\"[",`, "1e9,", "[[[["} {
		f.Add([]byte("[" + strings.TrimSuffix(strings.Repeat(unit, 90), ",") + "]"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var tree any
		if (bounded.JSON{Values: 50, Levels: 5}).Check(text) != nil || json.Unmarshal(text, &tree) != nil {
			return
		}
		if values, levels := sizeOf(tree); values > 50 || levels > 5 {
			t.Errorf("got %d values on %d levels, want at most 50 on 5", values, levels)
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

func TestRoomIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := bounded.NewRoom(2)
		taken := make(chan error, 3)
		for range 3 {
			go func() { taken <- room.Take(t.Context()) }()
		}
		synctest.Wait()
		if got := len(taken); got != 2 {
			t.Errorf("got room for %d texts, want 2", got)
		}
		room.Free()
		synctest.Wait()
		if got := len(taken); got != 3 {
			t.Errorf("got room for %d texts after one is free, want 3", got)
		}
	})
}
