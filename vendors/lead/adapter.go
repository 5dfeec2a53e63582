package lead

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Adapter keeps learners in LEAD, and puts them into courses where the
// configuration says how. LEAD takes no activity that is documented.
type Adapter struct {
	api    *API
	lookup *prober
	enroll string
}

// New returns the adapter, or an error that names all that is missing.
func New(c Config) (*Adapter, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	api := NewAPI(c)
	return &Adapter{api: api, lookup: newProber(api, c.Email), enroll: c.EnrollPath}, nil
}

// Check looks the service account up, which shows that LEAD takes our
// credentials and which look-up path it has. The account need not be a user.
func (a *Adapter) Check(ctx context.Context) error {
	path, err := a.lookup.path(ctx)
	if err != nil {
		return err
	}
	if _, err = a.api.LookUpUser(ctx, path, a.lookup.email); vendors.IsGone(err) {
		return nil
	}
	return err
}

// Find looks the address up on the path that this tenant has.
func (a *Adapter) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	path, err := a.lookup.path(ctx)
	if err != nil {
		return vendors.Account{}, err
	}
	found, err := a.byEmail(ctx, path, u.Email)
	switch {
	case vendors.IsGone(err):
		return vendors.Account{}, vendors.ErrNotFound
	case err != nil:
		return vendors.Account{}, err
	case found.ID <= 0:
		return vendors.Account{}, &vendors.Error{Vendor: vendor, Op: "look up user", Message: "the answer has no user"}
	case !found.DeletedAt.IsZero(), !vendors.SameEmail(found.Email, u.Email):
		return vendors.Account{}, vendors.ErrNotFound
	}
	return account(found), nil
}

// Create makes a learner. An address that LEAD refuses is looked up once more;
// where nobody is found, it may be that of a soft-deleted user, whom LEAD
// neither shows nor restores.
func (a *Adapter) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	if u.Email == "" {
		return vendors.Account{}, vendors.Fail(vendor, "create user", "the event has no e-mail, which LEAD requires")
	}
	made, err := a.api.CreateUser(ctx, learner(u))
	if err == nil && (made.ID <= 0 || !vendors.SameEmail(made.Email, u.Email)) {
		return vendors.Account{}, &vendors.Error{Vendor: vendor, Op: "create user", Message: "the answer is not the user that was asked for", Unknown: true}
	}
	if err == nil {
		return account(made), nil
	}
	if vendors.ClassOf(err) != vendors.Permanent {
		return vendors.Account{}, err
	}
	there, lookup := a.Find(ctx, u)
	if errors.Is(lookup, vendors.ErrNotFound) {
		return vendors.Account{}, collision(err)
	}
	return there, lookup
}

// collision adds to a refused creation what it may mean, where LEAD speaks of
// a conflict or of invalid fields.
func collision(err error) error {
	e := (*vendors.Error)(nil)
	if !errors.As(err, &e) || (e.Status != http.StatusUnprocessableEntity && e.Status != http.StatusConflict) {
		return err
	}
	e.Message += " [nobody is found by this address: if it is said to be taken, this is a soft-deleted collision, and only LEAD's support can restore the user]"
	return e
}

// learner is what LEAD is told of u. LEAD requires names, a language and a time
// zone; what the event has not is filled in.
func learner(u vendors.User) Fields {
	quiet := true
	f := Fields{
		Email: vendors.NormalEmail(u.Email), Password: vendors.NewPassword(), Role: RoleLearner,
		FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone,
		Language: LanguageEnglish, TimeZone: u.TimeZone, DisableNotifications: &quiet,
	}
	if f.FirstName == "" {
		f.FirstName, _, _ = strings.Cut(u.Email, "@")
	}
	if f.LastName == "" {
		f.LastName = "-"
	}
	if language, _, _ := strings.Cut(strings.ToLower(u.Locale), "-"); language == "es" {
		f.Language = LanguageSpanish
	}
	if f.TimeZone == "" {
		f.TimeZone = "UTC"
	}
	return f
}

// Delete soft-deletes the user, if it is a learner. Who is not there is success;
// staff, and whoever's role cannot be learnt, is a permanent error.
func (a *Adapter) Delete(ctx context.Context, _ vendors.Origin, target vendors.Account) error {
	id, err := number("delete user", "account", target.ID)
	if err != nil {
		return err
	}
	u, err := a.user(ctx, target, id)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !u.DeletedAt.IsZero():
		return nil
	case u.Role == "":
		return vendors.Fail(vendor, "delete user", "LEAD does not tell the user's role, and staff are never deleted")
	case u.Role != RoleLearner:
		return vendors.Fail(vendor, "delete user", "the user is not a learner, and staff are never deleted")
	}
	if _, err := a.api.DeleteUser(ctx, id); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// Enroll posts to the configured path, and reads back whether the user is in
// the course: that alone counts, whatever the post was answered with.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	if a.enroll == "" {
		return vendors.Fail(vendor, "enroll", "unsupported by LEAD's documentation; set USHER_LEAD_ENROLL_PATH to the path that your tenant enrols by")
	}
	user, err := number("enroll", "account", e.Account.ID)
	if err != nil {
		return err
	}
	course, err := number("enroll", "course", e.Course.ID)
	if err != nil {
		return err
	}
	refusal := a.api.EnrollBy(ctx, a.enroll, user, course)
	if refusal != nil && vendors.ClassOf(refusal) != vendors.Permanent {
		return refusal
	}
	in, err := a.Enrolled(ctx, e.Account, e.Course)
	switch {
	case in:
		return nil
	case refusal != nil && (err == nil || vendors.ClassOf(err) == vendors.Permanent):
		return refusal
	case refusal != nil:
		return err
	case err != nil:
		return &vendors.Error{Vendor: vendor, Op: "enroll", Message: "the enrolment was taken, but cannot be read back", Err: err, Unknown: true}
	}
	return &vendors.Error{Vendor: vendor, Op: "enroll", Message: "the enrolment was taken, but the user's courses do not show it", Unknown: true}
}

// Enrolled reads the user's courses.
func (a *Adapter) Enrolled(ctx context.Context, who vendors.Account, c vendors.Course) (bool, error) {
	user, err := number("list courses", "account", who.ID)
	if err != nil {
		return false, err
	}
	courses, err := a.api.UserCourses(ctx, user)
	switch {
	case err != nil:
		return false, err
	case courses == nil:
		return false, &vendors.Error{Vendor: vendor, Op: "list courses", Message: "the answer has no list of courses"}
	}
	return slices.ContainsFunc(courses, func(course Course) bool { return strconv.FormatInt(int64(course.ID), 10) == c.ID }), nil
}

func account(u User) vendors.Account {
	return vendors.Account{ID: strconv.FormatInt(int64(u.ID), 10)}
}

// number reads an id. LEAD's are numbers from 1 on.
func number(op, of, id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return 0, vendors.Fail(vendor, op, "the id of the "+of+" is not a number, as LEAD's are")
	}
	return n, nil
}
