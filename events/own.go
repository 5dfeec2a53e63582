package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// Type describes an event type of a program, in addition to the types of this module.
type Type struct {
	Name   string // two words in lower case with a dot between, the event in the past tense; also the NATS subject
	Scope  Scope  // the part of an account that the events change
	Done   string // type of the result of a success; default Name with ".done"
	Stem   string // begins the types of the other results, with ".skipped" and ".failed"; default Name
	Schema string // JSON Schema (2020-12) of the data, with $id, and user_id among the required members

	id string // $id of the schema
}

// own holds the types of the program, once set.
var own atomic.Pointer[[]Type]

// SetOwnTypes sets the event types of the program. The types of a program are as constant as the
// types of this module: a second call with other types is an error. An invalid type is an error, and
// sets nothing.
func SetOwnTypes(list []Type) error {
	complete := make([]Type, 0, len(list))
	var faults []error
	for _, t := range list {
		t, err := t.complete(complete)
		complete = append(complete, t)
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if len(list) == 0 || own.CompareAndSwap(nil, &complete) || slices.Equal(ownTypes(), complete) {
		return nil
	}
	return errors.New("the event types of this process are set already: a process has one set of event types")
}

// ownTypes returns the types of the program.
func ownTypes() []Type {
	if list := own.Load(); list != nil {
		return *list
	}
	return nil
}

// ownType returns a type of the program.
func ownType(name string) (Type, bool) {
	for _, t := range ownTypes() {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

// OwnSchema returns the schema of a type of the program, and whether the program has the type.
func OwnSchema(name string) (schema string, ok bool) {
	t, ok := ownType(name)
	return t.Schema, ok
}

var (
	typeName = regexp.MustCompile(`^[a-z][a-z0-9]*\.[a-z][a-z0-9]*$`)
	words    = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9]*)*$`)
)

// complete returns t with the defaults, or the first fault of t. before has the types in front.
func (t Type) complete(before []Type) (Type, error) {
	if t.Done == "" {
		t.Done = t.Name + ".done"
	}
	if t.Stem == "" {
		t.Stem = t.Name
	}
	fault := func(format string, a ...any) (Type, error) {
		return t, fmt.Errorf("event type %q: "+format, append([]any{t.Name}, a...)...)
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(eventTypes, func(o eventType) bool { return name == o.name || name == o.done || name == o.stem }) ||
			slices.ContainsFunc(before, func(o Type) bool { return name == o.Name || name == o.Done || name == o.Stem })
	}
	var err error
	switch {
	case !typeName.MatchString(t.Name):
		return fault("want two words of lower-case letters and digits with a dot between, such as lesson.completed")
	case strings.HasPrefix(t.Name, "usher.") || strings.HasPrefix(t.Name, "dead."):
		return fault("the words usher and dead belong to Usher's own subjects: choose another first word")
	case taken(t.Name) || taken(t.Done) || taken(t.Stem):
		return fault("the name, Done or Stem belongs to another type: choose another name")
	case !slices.Contains([]Scope{ScopeLifecycle, ScopeUserData, ScopeCourse, ScopeActivity}, t.Scope):
		return fault("the scope %q is none of the scopes of this package", t.Scope)
	case !words.MatchString(t.Done) || t.Done == t.Name || !words.MatchString(t.Stem):
		return fault("Done is %q and Stem %q: want words with dots between, such as lesson.recorded and lesson", t.Done, t.Stem)
	}
	t.id, err = schemaID(t.Schema)
	if err != nil {
		return fault("the schema %w", err)
	}
	return t, nil
}

// schemaID returns the $id of a schema with user_id among the required members.
func schemaID(schema string) (string, error) {
	var head struct {
		ID       string   `json:"$id"`
		Required []string `json:"required"`
	}
	if err := json.Unmarshal([]byte(schema), &head); err != nil {
		return "", errors.New("is not a JSON object")
	}
	at, err := url.Parse(head.ID)
	switch {
	case err != nil || !at.IsAbs():
		return "", errors.New("has no absolute URL as $id, the dataschema of the events")
	case strings.HasPrefix(head.ID, "https://usher.dev/"):
		return "", errors.New("has an $id of Usher's: choose a URL of your own")
	case !slices.Contains(head.Required, "user_id"):
		return "", errors.New("does not require user_id: events are in order for each user")
	}
	return head.ID, nil
}
