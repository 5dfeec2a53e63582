package events

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

// eventTypes is the only list of event types. Types, scopes, result types, subjects and schemas
// are derived from the table. The order is the order of Types.
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
	return eventType{}, false
}

// Types returns the accepted event types, in a fixed order. Each type is also the NATS subject
// of its events.
func Types() []string {
	names := make([]string, len(eventTypes))
	for i, t := range eventTypes {
		names[i] = t.name
	}
	return names
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
	var all []string
	for _, t := range eventTypes {
		for _, outcome := range []string{Done, Failed, Superseded} {
			all = append(all, ResultType(t.name, outcome))
		}
	}
	return all
}

// ResultSchema is the name of the schema of result data, for SchemaID.
const ResultSchema = "result"

// SchemaID returns the absolute URL of the JSON Schema for the data of an event type, or for
// ResultSchema. Published events carry the URL as dataschema.
func SchemaID(name string) string {
	return "https://usher.dev/schemas/" + name + "/v1"
}
