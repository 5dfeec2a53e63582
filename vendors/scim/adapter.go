package scim

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/usherhq/usher/vendors"
)

// Adapter manages users and memberships in groups at a SCIM server. See README.md.
type Adapter struct {
	api    *API
	config Config
	staff  []string
	update atomic.Value // the method of changes of users: UpdatePatch or UpdatePut; unset until known
}

// The ports of Adapter.
var (
	_ vendors.Checker          = (*Adapter)(nil)
	_ vendors.Lister           = (*Adapter)(nil)
	_ vendors.Provisioner      = (*Adapter)(nil)
	_ vendors.Updater          = (*Adapter)(nil)
	_ vendors.Deprovisioner    = (*Adapter)(nil)
	_ vendors.Disabler         = (*Adapter)(nil)
	_ vendors.Enroller         = (*Adapter)(nil)
	_ vendors.EnrollmentReader = (*Adapter)(nil)
	_ vendors.Unenroller       = (*Adapter)(nil)
	_ vendors.CourseLister     = (*Adapter)(nil)
)

// New returns the adapter, or the error of Config.Validate.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &Adapter{api: NewAPI(c), config: c}
	for role := range strings.SplitSeq(c.Staff, ",") {
		if role = strings.TrimSpace(role); role != "" {
			a.staff = append(a.staff, role)
		}
	}
	if c.Update != UpdateAuto {
		a.update.Store(c.Update)
	}
	return a, nil
}

// Check lists one user, the cheapest call that proves the credentials valid.
func (a *Adapter) Check(ctx context.Context) error {
	_, err := a.api.ListUsers(ctx, Query{Count: 1, Cursors: a.config.Pages == PagesCursor})
	return err
}

// missing returns vendors.ErrNotFound, or the error of Check: a list that is missing too means a
// wrong base URL, not a missing account.
func (a *Adapter) missing(ctx context.Context) error {
	if err := a.Check(ctx); err != nil {
		return err
	}
	return vendors.ErrNotFound
}

// isGone reports whether the server says that there is no such resource. A page for people says
// nothing of a resource.
func isGone(err error) bool { return vendors.IsGone(err) && vendors.ClassOf(err) != vendors.Unusable }

// get returns the user of an account, or vendors.ErrNotFound.
func (a *Adapter) get(ctx context.Context, id string) (Record, error) {
	r, err := a.api.GetUser(ctx, id)
	if isGone(err) {
		err = a.missing(ctx)
	}
	return r, err
}

// ours returns the user of an account, or vendors.ErrNotFound. Staff is a permanent error.
func (a *Adapter) ours(ctx context.Context, op string, acc vendors.Account) (Record, error) {
	r, err := a.get(ctx, acc.ID)
	if err == nil && a.isStaff(r.User) {
		err = vendors.FailStaff(vendor, op, "the account has a userType or a role of the setting staff")
	}
	return r, err
}

// isStaff reports whether the setting staff has the userType or a role of the user.
func (a *Adapter) isStaff(u User) bool {
	return slices.ContainsFunc(u.roles(), func(role string) bool {
		return slices.ContainsFunc(a.staff, func(staff string) bool { return strings.EqualFold(role, staff) })
	})
}

// Find returns the active account with the id of u as externalId, or else the active account with
// the e-mail of u as userName. A disabled account counts as missing. The owner is the externalId.
func (a *Adapter) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	found, err := a.search(ctx, u)
	if err == nil && !found.active() {
		err = vendors.ErrNotFound
	}
	if err != nil {
		return vendors.Account{}, err
	}
	return a.account(found), nil
}

// account returns the account of a user.
func (a *Adapter) account(u User) vendors.Account {
	account := vendors.Account{ID: u.ID}
	if a.config.ExternalID {
		account.Owner = u.ExternalID
	}
	return account
}

// search returns the account of u, active or not. A server that cannot filter by externalId is
// asked for the userName, if u has an e-mail.
func (a *Adapter) search(ctx context.Context, u vendors.User) (User, error) {
	email := vendors.NormalEmail(u.Email)
	if a.config.ExternalID && u.ID != "" {
		found, err := a.only(ctx, vendors.KeyID, u.ID, func(x User) bool { return x.ExternalID == u.ID })
		cannot := vendors.IsRefused(err) || vendors.StatusOf(err) == http.StatusNotImplemented
		if email == "" || !errors.Is(err, vendors.ErrNotFound) && !cannot {
			return found, err
		}
	}
	if email == "" {
		return User{}, vendors.ErrNotFound
	}
	return a.only(ctx, vendors.KeyEmail, email, func(x User) bool { return vendors.SameEmail(x.UserName, email) })
}

// attributes are the attributes of the keys.
var attributes = map[string]string{vendors.KeyID: "externalId", vendors.KeyEmail: "userName"}

// only returns the only user that matches, the only active user if some are disabled, or
// vendors.ErrNotFound. match compares exactly, since servers compare by rules of their own.
func (a *Adapter) only(ctx context.Context, key, value string, match func(User) bool) (User, error) {
	var active, disabled []User
	err := a.each(ctx, "find", Query{Filter: attributes[key] + " eq " + quoted(value)}, func(u User) error {
		switch {
		case !match(u):
		case u.active():
			active = append(active, u)
		default:
			disabled = append(disabled, u)
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	hits := active
	if len(hits) == 0 {
		hits = disabled
	}
	accounts := make([]vendors.Account, len(hits))
	for i, hit := range hits {
		accounts[i].ID = hit.ID
	}
	if _, err := vendors.Only(vendor, key, accounts); err != nil {
		return User{}, err
	}
	return hits[0], nil
}

// Create creates an active account. If the server refuses the request, in whatever words, Create
// looks up the account once more: servers report a taken userName in many ways. A disabled
// account of the same user is enabled. A response with another user is an Unknown error.
func (a *Adapter) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	if vendors.NormalEmail(u.Email) == "" {
		return vendors.Account{}, vendors.Fail(vendor, "create user", "the event has no e-mail, which becomes the userName")
	}
	made, err := a.api.CreateUser(ctx, a.newUser(u))
	if vendors.IsRefused(err) {
		return a.taken(ctx, u, err)
	}
	if err != nil {
		return vendors.Account{}, err
	}
	if made.ID == "" || (!vendors.SameEmail(made.UserName, u.Email) && (u.ID == "" || made.ExternalID != u.ID)) {
		e := unreadable("create user", "the response is not the requested user")
		e.Unknown = true
		return vendors.Account{}, e
	}
	return a.account(made), nil
}

// newUser returns the attributes of a new account.
func (a *Adapter) newUser(u vendors.User) User {
	email := vendors.NormalEmail(u.Email)
	active := vendors.Flag(true)
	out := User{
		Schemas: []string{userSchema}, UserName: email, DisplayName: u.Name(), Active: &active,
		Emails: []Value{{Value: email, Type: "work", Primary: true}}, PreferredLanguage: u.Locale, Locale: u.Locale, Timezone: u.TimeZone,
	}
	if a.config.ExternalID {
		out.ExternalID = u.ID
	}
	if u.FirstName != "" || u.LastName != "" {
		out.Name = &Name{GivenName: u.FirstName, FamilyName: u.LastName}
	}
	if u.Phone != "" {
		out.PhoneNumbers = []Value{{Value: u.Phone, Type: "work"}}
	}
	return out
}

// taken returns the account behind a refused creation, or the refusal.
func (a *Adapter) taken(ctx context.Context, u vendors.User, refusal error) (vendors.Account, error) {
	found, err := a.search(ctx, u)
	switch {
	case errors.Is(err, vendors.ErrNotFound) && vendors.StatusOf(refusal) == http.StatusConflict:
		e := vendors.Fail(vendor, "create user", "the server has an account with this userName, and does not show the account").WithRemedy("let the server show it, or remove it")
		e.Status = http.StatusConflict
		return vendors.Account{}, e
	case errors.Is(err, vendors.ErrNotFound):
		return vendors.Account{}, refusal
	case err != nil:
		return vendors.Account{}, err
	case found.active():
		account := a.account(found)
		account.Existed = true
		return account, nil
	case u.ID == "" || found.ExternalID != u.ID:
		return vendors.Account{}, vendors.Fail(vendor, "create user",
			"a disabled account has this userName, and no externalId says whose it is").WithRemedy("enable or remove the account at the server")
	}
	account := a.account(found)
	return account, a.Enable(ctx, vendors.Origin{}, account)
}
