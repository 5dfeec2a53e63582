package httpapi

// The values of Rule.Is.
const (
	isDone      = "done"      // success
	isAlready   = "already"   // success: the state was as wanted before
	isTaken     = "taken"     // create: an account with the e-mail exists
	isGone      = "gone"      // there is no such account
	isNobody    = "nobody"    // find: there is no such account
	isAgain     = "again"     // a failure that may pass
	isPermanent = "permanent" // a failure that stays
	isUnusable  = "unusable"  // no call can succeed until a person corrects the configuration
)

// The values of repeat.
const (
	repeatNever    = "never"    // a second call may have a second effect
	repeatSafe     = "safe"     // a second call has no further effect
	repeatKeyed    = "keyed"    // the vendor drops a second call with the same key, however late
	repeatHarmless = "harmless" // a second call may have a second effect that does no harm
)

// The values of Find.Match.
const (
	matchEmail  = "email"
	matchUserID = "user_id"
)

// The values of Pages.By.
const (
	byPage   = "page"
	byOffset = "offset"
	byIndex  = "index"
	byCursor = "cursor"
	byLink   = "link"
	byPath   = "path"
)

// The values of Pages.Until.
const (
	untilEmpty = "empty"
	untilShort = "short"
)

// The values of OAuth2.ClientAuth.
const (
	clientAuthBasic = "basic"
	clientAuthBody  = "body"
)

// The values of File.CourseID.
const (
	courseText   = "text"
	courseNumber = "number"
)
