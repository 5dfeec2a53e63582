package usermost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"unicode/utf8"

	"github.com/usherhq/usher/vendors"
)

// Adapter reports users and activity to Usermost. There is neither Delete nor Restore, because
// Usermost documents no call that deletes or erases.
type Adapter struct {
	api *API
}

// The ports of Adapter.
var (
	_ vendors.Checker     = (*Adapter)(nil)
	_ vendors.Addresser   = (*Adapter)(nil)
	_ vendors.Provisioner = (*Adapter)(nil)
	_ vendors.Updater     = (*Adapter)(nil)
	_ vendors.Renewer     = (*Adapter)(nil)
	_ vendors.Unenroller  = (*Adapter)(nil)
	_ vendors.Tracker     = (*Adapter)(nil)
)

// New returns the adapter, or the error of Config.Validate.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Adapter{api: NewAPI(c)}, nil
}

// Check posts a user without an id, because Usermost has no call that reads. With valid
// credentials the response is 400, invalid parameters, without any effect. Invalid credentials
// are 401, a wrong license code is 404.
func (a *Adapter) Check(ctx context.Context) error {
	_, err := a.api.UpsertUser(ctx, User{}, "")
	status := vendors.StatusOf(err)
	accepted := status == http.StatusBadRequest || status == http.StatusUnprocessableEntity || (status >= 200 && status < 300)
	if vendors.ClassOf(err) == vendors.Permanent && accepted { // the request was rejected after the credentials were accepted
		return nil
	}
	return err
}

// AccountOf returns the account with our user id, the only id of Usermost's users.
func (a *Adapter) AccountOf(userID string) vendors.Account { return vendors.Account{ID: userID} }

// Find returns vendors.ErrNotFound: users cannot be read back, and Create may be repeated.
func (a *Adapter) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

// Create creates or updates the user with the data of u. Usermost has no field for a language
// or a time zone.
func (a *Adapter) Create(ctx context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error) {
	account := a.AccountOf(u.ID)
	if err := a.Update(ctx, from, account, u); err != nil {
		return vendors.Account{}, err
	}
	return account, nil
}

// Update is the call of Create: Usermost has one call for both.
func (a *Adapter) Update(ctx context.Context, from vendors.Origin, account vendors.Account, u vendors.User) error {
	_, err := a.api.UpsertUser(ctx, User{
		UserID: account.ID, FirstName: u.FirstName, LastName: u.LastName,
		Email: u.Email, Phone: u.Phone, Attributes: u.Attributes,
	}, requestID(from, "user"))
	return err
}

// Enroll tracks the custom event enrollment_requested with our course id.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	data := enrollmentData{CourseID: e.Course.Ours, StartsOn: e.StartsOn, EndsOn: e.EndsOn}
	event := Event{UserID: e.UserID, Name: "enrollment_requested", At: e.Origin.At, Data: data.object()}
	_, err := a.api.TrackEvent(ctx, event, requestID(e.Origin, "enrollment"))
	return err
}

// enrollmentData is the data of the custom events about enrolments.
type enrollmentData struct {
	CourseID string `json:"course_id"`
	StartsOn string `json:"starts_on,omitempty"`
	EndsOn   string `json:"ends_on,omitempty"`
}

// object returns d as a JSON object. Strings always have a JSON form.
func (d enrollmentData) object() json.RawMessage {
	object, _ := json.Marshal(d)
	return object
}

// Unenroll tracks the custom event enrollment_cancelled with our course id.
func (a *Adapter) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	data := enrollmentData{CourseID: e.Course.Ours}
	event := Event{UserID: e.UserID, Name: "enrollment_cancelled", At: e.Origin.At, Data: data.object()}
	_, err := a.api.TrackEvent(ctx, event, requestID(e.Origin, "cancellation"))
	return err
}

// Renews marks Enroll as repeatable.
func (a *Adapter) Renews() {}

// Track tracks the activity with the time of the activity.
func (a *Adapter) Track(ctx context.Context, act vendors.Activity) error {
	event := Event{UserID: act.UserID, Name: eventName(act.Name), At: act.At, Data: act.Properties}
	_, err := a.api.TrackEvent(ctx, event, requestID(act.Origin, "activity"))
	return err
}

// requestID returns the id by which Usermost recognizes a repeat: 32 hex digits derived from
// the event key, equal for every attempt.
func requestID(from vendors.Origin, op string) string {
	var room [64]byte // on the stack
	sum := sha256.Sum256(append(append(room[:0], from.Key...), "\x00"+vendor+"\x00"+op...))
	var digits [32]byte
	hex.Encode(digits[:], sum[:16])
	return string(digits[:])
}

const (
	maxName  = 49 // characters of an event name; Usermost requires fewer than 50
	nameHash = 8  // hex digits that distinguish names with the same beginning
)

// eventName cuts a long name and appends a hash of the full name.
func eventName(name string) string {
	if utf8.RuneCountInString(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	head := []rune(name)[:maxName-nameHash-1]
	return string(head) + "-" + hex.EncodeToString(sum[:])[:nameHash]
}
