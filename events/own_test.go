package events_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// A wrong type is refused with the fault, and no type is set. Proper types are set in the module of
// TestForeignModule, in a process of their own.
func TestSetOwnTypesRefuses(t *testing.T) {
	const schema = `{"$id": "https://school.example/schemas/lesson", "required": ["user_id"]}`
	lesson := events.Type{Name: "lesson.completed", Scope: events.ScopeActivity, Schema: schema}
	with := func(change func(*events.Type)) []events.Type {
		changed := lesson
		change(&changed)
		return []events.Type{changed}
	}
	for name, test := range map[string]struct {
		list []events.Type
		want string
	}{
		"one word":         {with(func(x *events.Type) { x.Name = "lesson" }), "want two words"},
		"upper case":       {with(func(x *events.Type) { x.Name = "Lesson.completed" }), "want two words"},
		"ours":             {with(func(x *events.Type) { x.Name = events.UserCreated }), "belongs to another type"},
		"our result":       {with(func(x *events.Type) { x.Done = "user.provisioned" }), "belongs to another type"},
		"our stem":         {with(func(x *events.Type) { x.Stem = "activity" }), "belongs to another type"},
		"our own subjects": {with(func(x *events.Type) { x.Name = "usher.event" }), "choose another first word"},
		"twice":            {[]events.Type{lesson, lesson}, "belongs to another type"},
		"no scope":         {with(func(x *events.Type) { x.Scope = "" }), "none of the scopes"},
		"done is the name": {with(func(x *events.Type) { x.Done = x.Name }), "want words"},
		"stem":             {with(func(x *events.Type) { x.Stem = "lesson.>" }), "want words"},
		"no schema":        {with(func(x *events.Type) { x.Schema = "" }), "not a JSON object"},
		"no $id":           {with(func(x *events.Type) { x.Schema = `{"required": ["user_id"]}` }), "no absolute URL"},
		"our $id":          {with(func(x *events.Type) { x.Schema = `{"$id": "https://usher.dev/x", "required": ["user_id"]}` }), "URL of your own"},
		"no user":          {with(func(x *events.Type) { x.Schema = `{"$id": "https://school.example/x"}` }), "does not require user_id"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(events.Types())
			if err := events.SetOwnTypes(test.list); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
			if got := len(events.Types()); got != before {
				t.Errorf("got %d types, want %d", got, before)
			}
		})
	}
	if err := events.SetOwnTypes(nil); err != nil {
		t.Errorf("no types: %v", err)
	}
}
