package rules_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/rules"
	"github.com/usherhq/usher/vendors"
)

func TestNewRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		config rules.Config
		want   string
	}{
		"no CEL":             {rules.Config{Scope: "user."}, "scope: column 6: the name behind the dot is missing"},
		"an unknown name":    {rules.Config{Scope: "role == 'a'"}, "scope: column 1: the name role is unknown"},
		"no truth":           {rules.Config{Scope: "'yes'"}, "scope: yields string; want an expression with true or false"},
		"no text":            {rules.Config{Map: map[string]rules.Field{"email": {Value: "1 + 1"}}}, "map.email: yields int"},
		"no expression":      {rules.Config{Map: map[string]rules.Field{"email": {}}}, "map.email: "},
		"an unknown field":   {rules.Config{Map: map[string]rules.Field{"name": {Value: "'a'"}}}, "map.name: is no field"},
		"a nameless field":   {rules.Config{Map: map[string]rules.Field{"attributes.": {Value: "'a'"}}}, "map.attributes.: is no field"},
		"an unknown time":    {rules.Config{Map: map[string]rules.Field{"email": {Value: "'a'", At: "once"}}}, "map.email: has an unknown at"},
		"a long expression":  {rules.Config{Scope: strings.Repeat("true && ", 400) + "true"}, "scope: column 1: the expression has more than 2000 characters"},
		"an unknown event":   {rules.Config{Scope: "events.type == 'a'"}, "scope: column 1: the name events is unknown"},
		"a list for a truth": {rules.Config{Scope: "[true]"}, "scope: yields list"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rules.New(test.config); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s…", err, test.want)
			}
		})
	}
}

func created(t *testing.T) events.Event {
	e, err := events.New(events.UserCreated, "/hr", "1", time.Unix(1, 0), map[string]any{"user_id": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func profileOf(data string) handlers.Profile {
	return handlers.Profile{Data: json.RawMessage(data), Known: true}
}

func TestInScope(t *testing.T) {
	const secret = "ada@example.org"
	data := `{"user_id":"ada","email":"` + secret + `","attributes":{"role":"learner","id":9007199254740993}}`
	for scope, want := range map[string]string{
		"":                                "true",
		"user.attributes.role == 'staff'": "false",
		"user.attributes.role == 'learner' && event.type == 'user.created'":       "true",
		"user.attributes.id == 9007199254740993":                                  "true",
		"user.?phone.orValue('') == ''":                                           "true",
		"has(user.phone)":                                                         "false",
		"user.email.endsWith('@EXAMPLE.org'.lowerAscii())":                        "true",
		"event.source == '/hr' && event.time < timestamp('2026-01-01T00:00:00Z')": "true",
		"user.phone.startsWith('+')":                                              "rule scope: cannot be evaluated: the user has no user.phone; ",
		"user.attributes.team == 'red'":                                           "rule scope: cannot be evaluated: the user has no user.attributes.team; write user.?attributes.team.orValue('')",
		"user.address.city == 'Graz'":                                             "rule scope: cannot be evaluated: the user has no user.address; ",
		"has(user.phone) ? true : user.nick == ''":                                "rule scope: cannot be evaluated: the user has no user.nick; ",
		"user[user.email] == ''":                                                  "rule scope: cannot be evaluated at column ",
		"user.attributes.role":                                                    "rule scope: yields neither true nor false",
	} {
		s, err := rules.New(rules.Config{Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.InScope(profileOf(data), created(t))
		got := fmt.Sprint(in)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) || strings.Contains(got, secret) {
			t.Errorf("%s: got %s, want %s", scope, got, want)
		}
	}
}

// An event without a time has no event.time.
func TestEventWithoutATime(t *testing.T) {
	s, err := rules.New(rules.Config{Scope: "has(event.time)"})
	if err != nil {
		t.Fatal(err)
	}
	timeless, err := events.New(events.UserCreated, "/hr", "1", time.Time{}, map[string]any{"user_id": "ada"})
	if err != nil {
		t.Fatal(err)
	}
	for e, want := range map[*events.Event]bool{new(created(t)): true, &timeless: false} {
		if got, err := s.InScope(profileOf("{}"), *e); got != want || err != nil {
			t.Errorf("got %v (%v), want %v", got, err, want)
		}
	}
}

// The rules of one attempt decode the profile once.
func TestProfileIsDecodedOnce(t *testing.T) {
	s, err := rules.New(rules.Config{Scope: "user.first_name == 'Ada'", Map: map[string]rules.Field{"last_name": {Value: "user.first_name"}, "attributes.n": {Value: "user.attributes.n + 1"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := profileOf(`{"first_name":"Ada","attributes":{"n":9007199254740992,"kept":"x"}}`)
	p.Decoded = new(map[string]any)
	if in, err := s.InScope(p, created(t)); !in || err != nil {
		t.Fatalf("got %v (%v)", in, err)
	}
	p.Data = json.RawMessage("not read again")
	for range 2 { // the first mapping must leave the decoded data as they were
		u, err := s.Map(p, created(t), vendors.User{}, true)
		if err != nil || u.LastName != "Ada" || string(u.Attributes) != `{"kept":"x","n":9007199254740993}` {
			t.Errorf("got %+v (%v)", u, err)
		}
	}
}

func TestMap(t *testing.T) {
	s, err := rules.New(rules.Config{Map: map[string]rules.Field{
		"last_name": {Value: "user.attributes.team"}, "first_name": {Value: "user.first_name.upperAscii()", At: rules.AtCreate},
		"phone": {Value: "user.?phone"}, "attributes.team": {Value: "null"}, "attributes.level": {Value: "user.attributes.level + 1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := profileOf(`{"first_name":"Ada","attributes":{"team":"Red","level":1,"kept":"x"}}`)
	u := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: "Ada", Phone: "1"}
	for creating, first := range map[bool]string{true: "ADA", false: ""} {
		got, err := s.Map(p, created(t), u, creating)
		want := vendors.User{ID: "ada", Email: "ada@example.org", FirstName: first, LastName: "Red", Attributes: json.RawMessage(`{"kept":"x","level":2}`)}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("creating %v: got %+v, %v, want %+v", creating, got, err, want)
		}
	}
	number, err := rules.New(rules.Config{Map: map[string]rules.Field{"phone": {Value: "user.phone"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := number.Map(profileOf(`{"phone":7}`), created(t), u, false); err == nil || !strings.Contains(err.Error(), "rule map.phone: yields another value than a text") {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.Map(profileOf(`{"first_name":"Ada"}`), created(t), u, false); err == nil || !strings.Contains(err.Error(), "user.attributes") {
		t.Errorf("got %v", err)
	}
}

func TestMembersOfRules(t *testing.T) {
	s, err := rules.New(rules.Config{Scope: "user.emial == '' || user.?phone.hasValue() || has(user.locale) || user.attributes.role == ''"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Names()["scope"]); got != "[attributes emial locale phone]" {
		t.Errorf("got %s", got)
	}
}
