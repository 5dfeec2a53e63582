package events

import "time"

// UserCreatedData is the data of user.created: a full snapshot of the user.
type UserCreatedData struct {
	UserID     string         `json:"user_id"`
	Email      string         `json:"email"`
	FirstName  string         `json:"first_name,omitempty"`
	LastName   string         `json:"last_name,omitempty"`
	Locale     string         `json:"locale,omitempty"`    // BCP 47, such as de-AT
	TimeZone   string         `json:"time_zone,omitempty"` // IANA name, such as Europe/Vienna
	Phone      string         `json:"phone,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Kind returns the event type.
func (UserCreatedData) Kind() string { return UserCreated }

// UserUpdatedData is the data of user.updated. Absent members stay unchanged.
type UserUpdatedData UserCreatedData

// Kind returns the event type.
func (UserUpdatedData) Kind() string { return UserUpdated }

// UserDeletedData is the data of user.deleted.
type UserDeletedData struct {
	UserID string `json:"user_id"`
	Email  string `json:"email,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Kind returns the event type.
func (UserDeletedData) Kind() string { return UserDeleted }

// UserRestoredData is the data of user.restored.
type UserRestoredData struct {
	UserID string `json:"user_id"`
	Email  string `json:"email,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Kind returns the event type.
func (UserRestoredData) Kind() string { return UserRestored }

// EnrollmentRequestedData is the data of enrollment.requested. CourseID is our course id; the
// configuration maps CourseID to the ids of vendors.
type EnrollmentRequestedData struct {
	UserID   string `json:"user_id"`
	CourseID string `json:"course_id"`
	Email    string `json:"email,omitempty"`
	Vendor   string `json:"vendor,omitempty"`    // only this vendor; empty: all vendors with the course
	StartsOn string `json:"starts_on,omitempty"` // a date, such as 2026-09-01
	EndsOn   string `json:"ends_on,omitempty"`   // a date, such as 2026-12-31
}

// Kind returns the event type.
func (EnrollmentRequestedData) Kind() string { return EnrollmentRequested }

// EnrollmentCancelledData is the data of enrollment.cancelled. CourseID and Vendor are as in
// EnrollmentRequestedData.
type EnrollmentCancelledData struct {
	UserID   string `json:"user_id"`
	CourseID string `json:"course_id"`
	Email    string `json:"email,omitempty"`
	Vendor   string `json:"vendor,omitempty"` // only this vendor; empty: all vendors with the course
	Reason   string `json:"reason,omitempty"`
}

// Kind returns the event type.
func (EnrollmentCancelledData) Kind() string { return EnrollmentCancelled }

// ActivityTrackedData is the data of activity.tracked. A zero OccurredAt means the time of the
// event.
type ActivityTrackedData struct {
	UserID     string         `json:"user_id"`
	Name       string         `json:"name"`
	OccurredAt time.Time      `json:"occurred_at,omitzero"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Kind returns the event type.
func (ActivityTrackedData) Kind() string { return ActivityTracked }
