package events

import (
	"slices"
	"strings"
)

// The accepted event types.
const (
	UserCreated         = "user.created"
	UserUpdated         = "user.updated"
	UserDeleted         = "user.deleted"
	UserRestored        = "user.restored"
	EnrollmentRequested = "enrollment.requested"
	EnrollmentCancelled = "enrollment.cancelled"
	ActivityTracked     = "activity.tracked"
)

// eventType describes an event type. A result has the type done for success, or else stem with
// ".skipped" or ".failed".
type eventType struct {
	name  string
	scope Scope
	done  string
	stem  string
}

// eventTypes is the list of the event types of this module. Types, scopes, result types, subjects and
// schemas are derived from the table and from the types of the program (SetOwnTypes). The order is
// the order of Types.
var eventTypes = []eventType{
	{UserCreated, ScopeLifecycle, "user.provisioned", "user.provisioning"},
	{UserUpdated, ScopeUserData, "user.synchronized", "user.synchronization"},
	{UserDeleted, ScopeLifecycle, "user.deprovisioned", "user.deprovisioning"},
	{UserRestored, ScopeLifecycle, "user.reinstated", "user.reinstatement"},
	{EnrollmentRequested, ScopeCourse, "enrollment.completed", "enrollment"},
	{EnrollmentCancelled, ScopeCourse, "enrollment.ended", "enrollment.end"},
	{ActivityTracked, ScopeActivity, "activity.recorded", "activity"},
}

// typeNamed returns the entry of an event type, and whether Usher accepts the type.
func typeNamed(name string) (eventType, bool) {
	for _, t := range eventTypes {
		if t.name == name {
			return t, true
		}
	}
	t, ok := ownType(name)
	return t.entry(), ok
}

// entry returns the type as an entry of the table.
func (t Type) entry() eventType { return eventType{t.Name, t.Scope, t.Done, t.Stem} }

// allTypes returns the entries of all accepted event types.
func allTypes() []eventType {
	all := slices.Clone(eventTypes)
	for _, t := range ownTypes() {
		all = append(all, t.entry())
	}
	return all
}

// Types returns the accepted event types, in a fixed order. Each type is also the NATS subject
// of its events.
func Types() []string {
	all := allTypes()
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.name
	}
	return names
}

// IsType reports whether Usher accepts events of a type.
func IsType(kind string) bool {
	_, ok := typeNamed(kind)
	return ok
}

// Scope is the part of an account changed by an event. The scope decides for which other
// effects of the same user an effect waits, and by which effects it is superseded.
type Scope string

// The scopes, as stored in the record.
const (
	ScopeLifecycle Scope = "life"     // the existence of the account: creation, deletion, restoration
	ScopeUserData  Scope = "data"     // the data of the user at the vendor
	ScopeCourse    Scope = "course"   // a course of the account
	ScopeActivity  Scope = "activity" // no lasting state; a record for each effect
)

// ScopeOf returns the scope of an event type, or "" for an unknown type.
func ScopeOf(kind string) Scope {
	t, _ := typeNamed(kind)
	return t.scope
}

// WholeAccount reports whether an effect of the scope concerns the whole account, and so every
// other effect of the account.
func (s Scope) WholeAccount() bool { return s == ScopeLifecycle || s == ScopeUserData }

// ResultType returns the type of the result of a request with an outcome. For an unreadable
// message, use the subject as request type. For an unknown type, the result type is the request
// type with ".done", ".failed" or ".skipped".
func ResultType(requestType, outcome string) string {
	t, ok := typeNamed(requestType)
	if !ok {
		t = eventType{done: requestType + ".done", stem: requestType}
	}
	switch outcome {
	case Done, AlreadyDone:
		return t.done
	case Superseded, Unsupported, Skipped:
		return t.stem + ".skipped"
	default:
		return t.stem + ".failed"
	}
}

// ResultTypes returns the types of all results of the accepted event types, in a fixed order.
func ResultTypes() []string {
	return resultTypes(func(eventType) bool { return true })
}

// ActivityResultTypes returns the types of all results of the event types of scope ScopeActivity.
func ActivityResultTypes() []string {
	return resultTypes(func(t eventType) bool { return t.scope == ScopeActivity })
}

// IsResultType reports whether an accepted event type has results of a type.
func IsResultType(kind string) bool {
	return slices.ContainsFunc(eventTypes, func(t eventType) bool { return t.gives(kind) }) ||
		slices.ContainsFunc(ownTypes(), func(t Type) bool { return t.entry().gives(kind) })
}

// IsActivityResultType reports whether an event type of scope ScopeActivity has results of a type.
func IsActivityResultType(kind string) bool {
	gives := func(t eventType) bool { return t.scope == ScopeActivity && t.gives(kind) }
	return slices.ContainsFunc(eventTypes, gives) ||
		slices.ContainsFunc(ownTypes(), func(t Type) bool { return gives(t.entry()) })
}

// gives reports whether the event type has results of a type.
func (t eventType) gives(kind string) bool {
	outcome, ok := strings.CutPrefix(kind, t.stem)
	return kind == t.done || ok && (outcome == ".failed" || outcome == ".skipped")
}

// CourseResultTypes returns the types of all results of the event types of scope ScopeCourse.
func CourseResultTypes() []string {
	return resultTypes(func(t eventType) bool { return t.scope == ScopeCourse })
}

func resultTypes(wanted func(eventType) bool) (all []string) {
	for _, t := range allTypes() {
		for _, outcome := range []string{Done, Failed, Superseded} {
			if wanted(t) {
				all = append(all, ResultType(t.name, outcome))
			}
		}
	}
	return all
}

// ResultSchema is the name of the schema of result data, for SchemaID.
const ResultSchema = "result"

// SchemaID returns the absolute URL of the JSON Schema for the data of an event type, or for
// ResultSchema. Published events carry the URL as dataschema.
func SchemaID(name string) string {
	if t, own := ownType(name); own {
		return t.id
	}
	return "https://usher.dev/schemas/" + name + "/v1"
}
