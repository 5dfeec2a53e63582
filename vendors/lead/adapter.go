package lead

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the names of time zones: a container's image has none

	"github.com/usherhq/usher/vendors"
)

// Adapter keeps learners in LEAD, and puts them into courses and takes them out
// where the configuration says how. LEAD restores nobody, and takes no activity
// that is documented.
type Adapter struct {
	api      *API
	lookup   *prober
	enroll   string // where to, empty where that is not known
	unenroll string // likewise
	updates  bool   // with another password each time
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

// New returns the adapter, or an error that names all that is missing.
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
	e, ok := errors.AsType[*vendors.Error](err)
	if !ok || (e.Status != http.StatusUnprocessableEntity && e.Status != http.StatusConflict) {
		return err
	}
	e.Message += " [nobody is found by this address: if it is said to be taken, this is a soft-deleted collision, and only LEAD's support can restore the user]"
	return e
}

// learner is what LEAD is told of u. LEAD requires names, a language and a time
// zone; what the event has not, or not as LEAD takes it, is filled in.
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

// zone is the time zone, or nothing where there is none of this name: LEAD takes
// names of zones alone.
func zone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return ""
	}
	return name
}

// language is the one that LEAD has for a locale.
func language(locale string) string {
	if word, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-"); word == "es" {
		return LanguageSpanish
	}
	return LanguageEnglish
}

// Delete soft-deletes the user, if it is a learner. Who is not there is success;
// staff, and whoever's role cannot be learnt, is a permanent error.
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

// learnerOf returns the account's user, or vendors.ErrNotFound. Staff, and
// whoever's role cannot be learnt, is a permanent error, whatever deed is.
func (a *Adapter) learnerOf(ctx context.Context, deed string, target vendors.Account) (User, error) {
	op := deed + " user"
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
		return User{}, vendors.Fail(vendor, op, "LEAD does not tell the user's role, and staff are never "+deed+"d")
	case u.Role != RoleLearner:
		return User{}, vendors.Fail(vendor, op, "the user is not a learner, and staff are never "+deed+"d")
	}
	return u, nil
}

func account(u User) vendors.Account {
	return vendors.Account{ID: strconv.Itoa(int(u.ID))}
}

// WantedCourse says what is wanted instead of an id that is no course's.
func (Config) WantedCourse(id string) string {
	return vendors.WantedNumber(id)
}
