package miestro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/vendors"
)

const pageSize = 100 // users per page of a search

// Adapter manages users and enrolments in Miestro. Miestro has no call that restores a user,
// records activity or reads enrolments. See README.md.
type Adapter struct {
	api *API
}

// The ports of Adapter.
var (
	_ vendors.Checker       = (*Adapter)(nil)
	_ vendors.Lister        = (*Adapter)(nil)
	_ vendors.Provisioner   = (*Adapter)(nil)
	_ vendors.Updater       = (*Adapter)(nil)
	_ vendors.Deprovisioner = (*Adapter)(nil)
	_ vendors.Enroller      = (*Adapter)(nil)
	_ vendors.Unenroller    = (*Adapter)(nil)
	_ vendors.CourseLister  = (*Adapter)(nil)
)

// New returns the adapter, or the error of Config.Validate.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Adapter{api: NewAPI(c)}, nil
}

// Check lists one user, the cheapest call that proves the keys valid.
func (a *Adapter) Check(ctx context.Context) error {
	_, err := a.api.ListUsers(ctx, Query{Count: 1, SortBy: "id:asc"})
	return err
}

// Find searches all pages for the only user with the e-mail of u. An empty e-mail matches nobody.
func (a *Adapter) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	if vendors.NormalEmail(u.Email) == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	var hits []vendors.Account
	err := a.each(ctx, "find", searchable(u.Email), func(hit User) (more bool, _ error) {
		if hit.ID > 0 && vendors.SameEmail(hit.Email, u.Email) {
			hits = append(hits, account(hit))
		}
		return true, nil
	})
	if err != nil {
		return vendors.Account{}, err
	}
	return vendors.Only(vendor, vendors.KeyEmail, hits)
}

// searchable returns the longest part of the e-mail that is safe in a search: the filter is
// nested inside a parameter, and Miestro does not document whether the server decodes once or
// twice.
func searchable(email string) string {
	parts := strings.FieldsFunc(vendors.NormalEmail(email), func(r rune) bool { return strings.ContainsRune("+&=% ", r) })
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

// account returns the account of a user.
func account(u User) vendors.Account { return vendors.Account{ID: strconv.Itoa(int(u.ID))} }

// Create creates a learner with a random password. If Miestro rejects the request, Create looks
// up the e-mail once more, because the response to a taken e-mail is undocumented. A response
// with another user is an Unknown error.
func (a *Adapter) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	name := u.Name()
	email := vendors.NormalEmail(u.Email)
	password := vendors.NewPassword()
	role := RoleUser
	made, err := a.api.AddUser(ctx, UserFields{Name: &name, Email: &email, Password: &password, Role: &role})
	if vendors.IsRefused(err) {
		if found, again := a.Find(ctx, u); !errors.Is(again, vendors.ErrNotFound) {
			found.Existed = again == nil
			return found, again
		}
	}
	if err != nil {
		return vendors.Account{}, err
	}
	if made.ID <= 0 || !vendors.SameEmail(made.Email, email) {
		return vendors.Account{}, &vendors.Error{
			Vendor: vendor, Op: "create", Status: http.StatusOK, Unreadable: true, Message: "the response is not the requested user", Unknown: true,
		}
	}
	return account(made), nil
}

// Delete deletes the account. A missing account is success. An account that is not a learner is
// kept, with a permanent error.
func (a *Adapter) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	userID, err := a.learner(ctx, "delete", acc)
	if errors.Is(err, vendors.ErrNotFound) {
		return a.Check(ctx) // a missing list means a wrong base URL, not a missing user
	}
	if err != nil {
		return err
	}
	if err := a.api.DeleteUser(ctx, userID); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// learner returns the id of the account's user, or vendors.ErrNotFound. A user with another
// role is a permanent error.
func (a *Adapter) learner(ctx context.Context, op string, acc vendors.Account) (int, error) {
	userID, err := vendors.ParseID(vendor, op, "account", acc.ID)
	if err != nil {
		return 0, err
	}
	u, err := a.api.GetUser(ctx, userID)
	switch {
	case vendors.IsGone(err):
		return 0, vendors.ErrNotFound
	case err != nil:
		return 0, err
	case int(u.ID) != userID || u.Role == nil:
		return 0, &vendors.Error{Vendor: vendor, Op: "get user", Status: http.StatusOK, Unreadable: true, Message: "the response is not the requested user"}
	case *u.Role != RoleUser:
		return 0, vendors.FailStaff(vendor, op, fmt.Sprintf("the account has role %d", *u.Role))
	}
	return userID, nil
}

// Update sets the name and the e-mail that u has. Password and role, the other parameters of
// the call, are never sent. An account that is not a learner is a permanent error.
func (a *Adapter) Update(ctx context.Context, _ vendors.Origin, acc vendors.Account, u vendors.User) error {
	userID, err := a.learner(ctx, "update", acc)
	if err != nil {
		return err
	}
	var f UserFields
	if name := u.FullName(); name != "" {
		f.Name = &name
	}
	if email := vendors.NormalEmail(u.Email); email != "" {
		f.Email = &email
	}
	if f == (UserFields{}) {
		return nil
	}
	err = a.api.UpdateUser(ctx, userID, f)
	if vendors.IsGone(err) {
		return vendors.ErrNotFound
	}
	return err
}
