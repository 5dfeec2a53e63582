package schemas

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/usherhq/usher/events"
)

// TestEventSchemasArePlain holds the short way for the schemas of all event types.
func TestEventSchemasArePlain(t *testing.T) {
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range events.Types() {
		if set.byName[typ].plain == nil {
			t.Errorf("the schema of %s is not plain", typ)
		}
	}
	if set.byName[events.ResultSchema].plain != nil {
		t.Error("the schema of results has further rules, and is plain")
	}
}

// checkAccepted draws data for types of events. The check reports whether a short way accepts the data, and
// fails if the data are not valid: some must be accepted.
func checkAccepted(t *testing.T, check func(t *rapid.T, set *Set, typ string, data []byte) (accepted bool)) {
	t.Helper()
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(events.Types()).Draw(t, "type")
		if check(t, set, typ, objects(set.byName[typ].members).Draw(t, "data")) {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("the short way accepts nothing")
	}
}

// TestPlainAcceptsCleanData holds the check of an event in one scan to the two steps: only data that events.Clean
// leaves as they are.
func TestPlainAcceptsCleanData(t *testing.T) {
	checkAccepted(t, func(t *rapid.T, set *Set, typ string, data []byte) bool {
		e := event.New()
		e.SetType(typ)
		e.DataEncoded = data
		if !set.byName[typ].acceptsClean(e) {
			return false
		}
		cleaned, ignored := events.Clean(e)
		if !bytes.Equal(cleaned.DataEncoded, e.DataEncoded) || ignored != nil || set.validate(typ, cleaned) != nil {
			t.Fatalf("%s: accepts %s, cleaned %s", typ, e.DataEncoded, cleaned.DataEncoded)
		}
		return true
	})
}

// TestPlainAcceptsNothingInvalid compares the short way with the library, for data near the bounds.
func TestPlainAcceptsNothingInvalid(t *testing.T) {
	checkAccepted(t, func(t *rapid.T, set *Set, typ string, data []byte) bool {
		c := set.byName[typ]
		if !c.accepts(data) {
			return false
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err == nil {
			err = c.schema.Validate(value)
		}
		object, _ := value.(map[string]any)
		if err != nil || c.checkCase(object) != nil {
			t.Fatalf("%s: accepts %s: %v", typ, data, err)
		}
		return true
	})
}

// valid has a valid value of each required member.
var valid = map[string]string{"user_id": `"u1"`, "email": `"ada@example.org"`, "name": `"n"`, "course_id": `"c1"`}

// objects returns JSON objects with valid values of some members, and other values of others.
func objects(members []string) *rapid.Generator[[]byte] {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "u1", "ada@example.org", "ada", "2026-01-31", "2026-02-31", "2026-01-31T09:30:00Z", "2026-01-31t09:30:00z", "de-AT", "\x7f", "\u0085", "a\nb",
		}),
		rapid.StringN(0, 300, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 9), func(b []byte) string { return string(b) }),
	)
	value := rapid.OneOf(
		rapid.Map(text, func(s string) string { return `"` + s + `"` }), // unescaped
		rapid.Map(text, func(s string) string { b, _ := json.Marshal(s); return string(b) }),
		rapid.SampledFrom([]string{"null", "7", "[]", "{}", `{"a":{"b":[1]}}`, many(200), many(201)}),
	)
	name := rapid.OneOf(rapid.SampledFrom(members), rapid.SampledFrom([]string{"User_ID", "x", "Na\u212ae"}))
	return rapid.Custom(func(t *rapid.T) []byte {
		all := maps.Clone(valid)
		maps.Copy(all, rapid.MapOfN(name, value, 0, 3).Draw(t, "members"))
		delete(all, rapid.SampledFrom([]string{"", "", "user_id", "email", "name"}).Draw(t, "missing"))
		b := []byte{'{'}
		for i, name := range slices.Sorted(maps.Keys(all)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, `"`+name+`"`...), ':'), all[name]...)
		}
		return append(b, rapid.SampledFrom([]string{"}", "}", "} ", "", "}x"}).Draw(t, "end")...)
	})
}

// many returns an object with n members, as short as possible.
func many(n int) string {
	b := []byte{'{'}
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `"`+string(rune(0x100+i))+`":1`...)
	}
	return string(append(b, '}'))
}
