package events

// The event types that Usher accepts.
const (
	UserCreated         = "user.created"
	UserUpdated         = "user.updated"
	UserDeleted         = "user.deleted"
	UserRestored        = "user.restored"
	EnrollmentRequested = "enrollment.requested"
	EnrollmentCancelled = "enrollment.cancelled"
	ActivityTracked     = "activity.tracked"
)

// eventType describes one event type. The type names of its results are done for success,
// and stem with ".skipped" or ".failed" for all else.
type eventType struct {
	name  string
	scope Scope
	done  string
	stem  string
}

// eventTypes is the only list of event types: types, scopes, result types, subjects and
// schemas are derived from this table. The order is the order of Types.
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

// Types returns the event types that Usher accepts, in a fixed order. Each type is also
// the NATS subject of its events.
func Types() []string {
	names := make([]string, len(eventTypes))
	for i, t := range eventTypes {
		names[i] = t.name
	}
	return names
}

// Scope is the part of an account that an event changes. The scope decides for which
// other effects of the same user an effect waits, and by which effects it is superseded.
type Scope string

// The scopes, as stored in the record.
const (
	ScopeLifecycle Scope = "life"     // the existence of the account: creation, deletion, restoration
	ScopeUserData  Scope = "data"     // the data of the user at the vendor
	ScopeCourse    Scope = "course"   // one course of the account
	ScopeActivity  Scope = "activity" // no lasting state; each effect has a record of its own
)

// ScopeOf returns the scope of an event type, or "" for a type that Usher does not accept.
func ScopeOf(kind string) Scope {
	t, _ := typeNamed(kind)
	return t.scope
}

// WholeAccount reports whether an effect of this scope concerns the whole account, and so
// every other effect of the account.
func (s Scope) WholeAccount() bool { return s == ScopeLifecycle || s == ScopeUserData }

// ResultType returns the type of the result of a request that ended with outcome. Use the
// subject of an unreadable message as its request type. For a type that Usher does not
// accept, the result type is the request type with ".done", ".failed" or ".skipped".
func ResultType(requestType, outcome string) string {
	t, ok := typeNamed(requestType)
	if !ok {
		t = eventType{done: requestType + ".done", stem: requestType}
	}
	switch outcome {
	case Done, AlreadyDone:
		return t.done
	case Superseded, Unsupported:
		return t.stem + ".skipped"
	default:
		return t.stem + ".failed"
	}
}

// ResultTypes returns the types of all results of the accepted event types, in a fixed
// order.
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

// SchemaID returns the absolute URL that identifies the JSON Schema of the data of an event
// type, or of ResultSchema. Events that Usher publishes carry the URL as dataschema.
func SchemaID(name string) string {
	return "https://usher.dev/schemas/" + name + "/v1"
}
