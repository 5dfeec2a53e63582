package lead

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zone names, which container images lack

	"github.com/usherhq/usher/vendors"
)

// Adapter manages learners in LEAD. Enrolments need a configured path. LEAD documents neither a
// restoration of users nor a call for activity.
type Adapter struct {
	api      *API
	lookup   *prober
	enroll   string // Config.EnrollPath
	unenroll string // Config.UnenrollPath
	updates  bool   // whether updates are made, each with a new password
}

// The ports of Adapter.
var (
	_ vendors.Checker          = (*Adapter)(nil)
	_ vendors.Lister           = (*Adapter)(nil)
	_ vendors.Provisioner      = (*Adapter)(nil)
	_ vendors.Updater          = (*Adapter)(nil)
	_ vendors.Deprovisioner    = (*Adapter)(nil)
	_ vendors.Enroller         = (*Adapter)(nil)
	_ vendors.Unenroller       = (*Adapter)(nil)
	_ vendors.EnrollmentReader = (*Adapter)(nil)
)

// New returns the adapter, or the error of Config.Validate.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	api := NewAPI(c)
	return &Adapter{
		api: api, lookup: newProber(api, c.Email),
		enroll: c.EnrollPath, unenroll: c.UnenrollPath, updates: c.Update == UpdateResetPassword,
	}, nil
}

// Check looks up the service account, to check the credentials and find the tenant's look-up
// path. The service account need not be a user of the tenant.
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

// Find looks up the e-mail on the tenant's look-up path. Soft-deleted users count as missing.
// An empty e-mail matches nobody.
func (a *Adapter) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	if vendors.NormalEmail(u.Email) == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
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
		return vendors.Account{}, &vendors.Error{Vendor: vendor, Op: "look up user", Unreadable: true, Message: "the response has no user"}
	case !found.DeletedAt.IsZero(), !vendors.SameEmail(found.Email, u.Email):
		return vendors.Account{}, vendors.ErrNotFound
	}
	return account(found), nil
}

// Create creates a learner with a random password. If LEAD rejects the e-mail, Create looks up
// the user once more. If there is no user, the e-mail may belong to a soft-deleted user; LEAD
// neither shows nor restores these.
func (a *Adapter) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	if u.Email == "" {
		return vendors.Account{}, vendors.Fail(vendor, "create user", "the event has no e-mail, which LEAD requires")
	}
	made, err := a.api.CreateUser(ctx, learner(u))
	if err == nil && (made.ID <= 0 || !vendors.SameEmail(made.Email, u.Email)) {
		return vendors.Account{}, &vendors.Error{Vendor: vendor, Op: "create user", Message: "the response is not the requested user", Unknown: true, Unreadable: true}
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
	there.Existed = lookup == nil
	return there, lookup
}

// collision adds the possible meaning to a rejected creation, for a conflict or invalid fields.
func collision(err error) error {
	e, ok := errors.AsType[*vendors.Error](err)
	if !ok || (e.Status != http.StatusUnprocessableEntity && e.Status != http.StatusConflict) {
		return err
	}
	e.Message += " [no user is found by this e-mail: if LEAD says that the e-mail is taken, a soft-deleted user has it, and only LEAD's support can restore that user]"
	return e
}

// learner returns the fields of a new learner for u. LEAD requires names, a language and a time
// zone; missing or unsupported values are replaced by defaults.
func learner(u vendors.User) Fields {
	quiet := true
	f := Fields{
		Email: vendors.NormalEmail(u.Email), Password: vendors.NewPassword(), Role: RoleLearner,
		FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone,
		Language: LanguageEnglish, TimeZone: cmp.Or(zone(u.TimeZone), "UTC"), DisableNotifications: &quiet,
	}
	if f.FirstName == "" {
		f.FirstName, _, _ = strings.Cut(u.Email, "@")
	}
	if f.LastName == "" {
		f.LastName = "-"
	}
	if u.Locale != "" {
		f.Language = language(u.Locale)
	}
	return f
}

// zone returns the name of a time zone, or "" for an unknown name, because LEAD rejects those.
func zone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return ""
	}
	return name
}

// language returns LEAD's language for a locale: Spanish, or else English.
func language(locale string) string {
	if word, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-"); word == "es" {
		return LanguageSpanish
	}
	return LanguageEnglish
}

// Delete soft-deletes the user, if the user is a learner. A missing user is success. Staff, and
// users without a known role, are a permanent error.
func (a *Adapter) Delete(ctx context.Context, _ vendors.Origin, target vendors.Account) error {
	u, err := a.learnerOf(ctx, "delete", target)
	if errors.Is(err, vendors.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := a.api.DeleteUser(ctx, int(u.ID)); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// learnerOf returns the user of an account, or vendors.ErrNotFound. Staff, and users without a
// known role, are a permanent error. verb names the change in errors, such as "delete".
func (a *Adapter) learnerOf(ctx context.Context, verb string, target vendors.Account) (User, error) {
	op := verb + " user"
	id, err := vendors.ParseID(vendor, op, "account", target.ID)
	if err != nil {
		return User{}, err
	}
	u, err := a.user(ctx, target, id)
	switch {
	case err != nil:
		return User{}, err
	case !u.DeletedAt.IsZero():
		return User{}, vendors.ErrNotFound
	case u.Role == "":
		return User{}, vendors.FailStaff(vendor, op, "LEAD does not show the role of the user")
	case u.Role != RoleLearner:
		return User{}, vendors.FailStaff(vendor, op, "the user is not a learner")
	}
	return u, nil
}

// account returns the account of a user.
func account(u User) vendors.Account {
	return vendors.Account{ID: strconv.Itoa(int(u.ID))}
}

// WantedCourse returns the form of LEAD's course ids, or "" if id has that form.
func (Config) WantedCourse(id string) string {
	return vendors.WantedNumber(id)
}
