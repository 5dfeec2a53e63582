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

const (
	pageSize = 100    // of a search
	maxPages = 10_000 // a list that does not end is not the one that is documented
)

// Adapter does at Miestro what our events ask: it finds, creates, updates and
// deletes, and puts users into courses and takes them out. Miestro has no call
// that restores a user or records activity, and none that reads enrolments back.
// See README.md.
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
)

// New returns an Adapter, or an error that names everything missing.
func New(c Config) (*Adapter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Adapter{api: NewAPI(c)}, nil
}

// Check makes the cheapest call that shows that Miestro takes our keys: a list
// of one user.
func (a *Adapter) Check(ctx context.Context) error {
	_, err := a.api.ListUsers(ctx, Query{Count: 1, SortBy: "id:asc"})
	return err
}

// Find searches all pages for the user whose e-mail is exactly u's. Of several,
// which Miestro might allow, it is the oldest. Nobody has an empty e-mail.
func (a *Adapter) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	if vendors.NormalEmail(u.Email) == "" {
		return vendors.Account{}, vendors.ErrNotFound
	}
	found := vendors.Account{}
	err := a.each(ctx, "find", searchable(u.Email), func(hit User) (more bool, _ error) {
		if hit.ID > 0 && vendors.SameEmail(hit.Email, u.Email) {
			found = account(hit)
		}
		return found.ID == "", nil
	})
	if err == nil && found.ID == "" {
		err = vendors.ErrNotFound
	}
	return found, err
}

// searchable is the longest part of the e-mail that a search can carry safely:
// the filter stands inside a parameter, and whether the server decodes it once
// or twice is not documented.
func searchable(email string) string {
	parts := strings.FieldsFunc(vendors.NormalEmail(email), func(r rune) bool { return strings.ContainsRune("+&=% ", r) })
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

func account(u User) vendors.Account { return vendors.Account{ID: strconv.Itoa(int(u.ID))} }

// Create adds the user as a learner with a random password. Where Miestro
// refuses, it looks once more: the answer to an e-mail that is taken is not
// documented. An answer that is not this user's is an Unknown error.
func (a *Adapter) Create(ctx context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	name, email, password, role := u.Name(), vendors.NormalEmail(u.Email), vendors.NewPassword(), RoleUser
	made, err := a.api.AddUser(ctx, UserFields{Name: &name, Email: &email, Password: &password, Role: &role})
	if vendors.IsRefused(err) {
		if found, again := a.Find(ctx, u); !errors.Is(again, vendors.ErrNotFound) {
			return found, again
		}
	}
	if err != nil {
		return vendors.Account{}, err
	}
	if made.ID <= 0 || !vendors.SameEmail(made.Email, email) {
		return vendors.Account{}, &vendors.Error{
			Vendor: vendor, Op: "create", Status: http.StatusOK, Message: "the answer is not the user that was sent", Unknown: true,
		}
	}
	return account(made), nil
}

// Delete removes the account. One that is not there is success; one whose role
// is not that of a learner stays, and is a permanent error.
func (a *Adapter) Delete(ctx context.Context, _ vendors.Origin, acc vendors.Account) error {
	userID, err := a.learner(ctx, "delete", acc)
	if errors.Is(err, vendors.ErrNotFound) {
		return a.Check(ctx) // where there is no list either, it is not the user who is missing
	}
	if err != nil {
		return err
	}
	if err := a.api.DeleteUser(ctx, userID); !vendors.IsGone(err) {
		return err
	}
	return nil
}

// learner returns the id of the account's user, or vendors.ErrNotFound. A user
// of another role is a permanent error, whatever op is.
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
		return 0, &vendors.Error{Vendor: vendor, Op: "get user", Status: http.StatusOK, Message: "the answer is not the user that was asked for"}
	case *u.Role != RoleUser:
		return 0, vendors.Fail(vendor, op, fmt.Sprintf("staff is never %sd: the account has role %d", op, *u.Role))
	}
	return userID, nil
}

// Update sets the name and the e-mail, as far as u has them. The document's call
// takes a password and a role as well: these are never sent, and stay. An account
// whose role is not that of a learner is a permanent error.
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
