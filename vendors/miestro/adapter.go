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

// Adapter does at Miestro what our events ask: it finds, creates, deletes and
// enrols. Miestro has no call that records activity, and none that reads
// enrolments back. See README.md.
type Adapter struct {
	api *API
}

// New returns an Adapter, or an error that names everything missing.
func New(c Config) (*Adapter, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	return &Adapter{api: NewAPI(c)}, nil
}

// API returns the client for the documented calls.
func (a *Adapter) API() *API { return a.api }

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
		if found, again := a.Find(ctx, u); again == nil {
			return found, nil
		}
	}
	if err != nil {
		return vendors.Account{}, fmt.Errorf("create: %w", err)
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
	userID, ok := number(acc.ID)
	if !ok {
		return vendors.Fail(vendor, "delete", "the account's id is not a number")
	}
	u, err := a.api.GetUser(ctx, userID)
	switch {
	case vendors.IsGone(err):
		return nil
	case err != nil:
		return fmt.Errorf("delete: %w", err)
	case int(u.ID) != userID || u.Role == nil:
		return fmt.Errorf("delete: %w", &vendors.Error{Vendor: vendor, Op: "get user", Status: http.StatusOK, Message: "the answer is not the user that was asked for"})
	case *u.Role != RoleUser:
		return vendors.Fail(vendor, "delete", fmt.Sprintf("staff is never deleted: the account has role %d", *u.Role))
	}
	if err := a.api.DeleteUser(ctx, userID); err != nil && !vendors.IsGone(err) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// Enroll puts the account into the course, which must be there. Miestro has no
// call that reads enrolments back: after an Unknown error a second call cannot
// be told from a first one.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	userID, ok := number(e.Account.ID)
	if !ok {
		return vendors.Fail(vendor, "enroll", "the account's id is not a number")
	}
	courseID, ok := number(e.Course.ID)
	if !ok {
		return vendors.Fail(vendor, "enroll", "course ids of Miestro are numbers: mend the course's id in the configuration")
	}
	err := a.api.courseThere(ctx, courseID)
	if vendors.IsGone(err) {
		return vendors.Fail(vendor, "enroll", fmt.Sprintf("Miestro has no course %d: mend the course's id in the configuration", courseID))
	}
	if err != nil {
		return fmt.Errorf("enroll: %w", err)
	}
	if err := a.api.EnrollUser(ctx, userID, courseID); err != nil && !already(err) {
		return fmt.Errorf("enroll: %w", err)
	}
	return nil
}

// already tells whether a refusal says that the user is in the course: what it
// says then is not documented.
func already(err error) bool {
	e := (*vendors.Error)(nil)
	if !errors.As(err, &e) || !slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}, e.Status) {
		return false
	}
	said := strings.ToLower(e.Message)
	return strings.Contains(said, "already") && strings.Contains(said, "enrol")
}
