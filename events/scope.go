package events

// Scope is the part of an account that an event changes. It decides which other
// effects of the same user an effect waits for, and which overtake it.
type Scope string

// The scopes, as the record stores them.
const (
	ScopeLifecycle Scope = "life"     // the account itself: created, deleted, restored
	ScopeUserData  Scope = "data"     // the data that the vendor holds of the user
	ScopeCourse    Scope = "course"   // one course of the account
	ScopeActivity  Scope = "activity" // nothing that lasts; its record holds this one effect
)

// WholeAccount reports whether an effect of this scope concerns the whole account,
// and so every other effect of it.
func (s Scope) WholeAccount() bool { return s == ScopeLifecycle || s == ScopeUserData }
