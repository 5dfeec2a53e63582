package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/vendors"
)

// listing are the flags of the commands that list a vendor.
type listing struct {
	Name       string `arg:"" name:"vendor" help:"The vendor."`
	Limit      int    `default:"100" help:"End after so many; 0: list all." placeholder:"N"`
	app.Output `embed:""`
}

// Validate returns an error for a negative limit.
func (l listing) Validate() error {
	if l.Limit < 0 {
		return errors.New("--limit must be 0 or above")
	}
	return nil
}

// vendorsUsersCmd is usher vendors users.
type vendorsUsersCmd struct {
	listing
	Emails bool `help:"Show whole e-mail addresses."`
}

// Help is shown below the flags.
func (vendorsUsersCmd) Help() string {
	return `Lists the accounts at a vendor, by calls that change nothing. E-mail addresses are masked.

Examples:
  usher vendors users miestro
  usher vendors users crm --limit 0 --json --emails > accounts.json`
}

// vendorsCoursesCmd is usher vendors courses.
type vendorsCoursesCmd struct {
	listing
}

// Help is shown below the flags.
func (vendorsCoursesCmd) Help() string {
	return `Lists the courses at a vendor, by calls that change nothing. The ids belong under courses in the
configuration. At a SCIM server the courses are the groups.

Examples:
  usher vendors courses miestro
  usher vendors courses crm --json`
}

// listedUser is an account in the list.
type listedUser struct {
	ID      string `json:"id"`
	Email   string `json:"email,omitempty"`
	Staff   bool   `json:"staff,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
}

// listedCourse is a course in the list.
type listedCourse struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Run lists the accounts.
func (k vendorsUsersCmd) Run(ctx context.Context, a *app.App) error {
	found := []listedUser{}
	more, err := k.list(ctx, a, "accounts", func(ctx context.Context, port vendors.Adapter, end func(n int) error) error {
		p, ok := vendors.Port[vendors.Lister](port)
		if !ok {
			return errNoList
		}
		return p.List(ctx, func(one vendors.Listed) error {
			if err := end(len(found)); err != nil {
				return err
			}
			if !k.Emails {
				one.Email = masking.Email(one.Email)
			}
			found = append(found, listedUser(one))
			return nil
		})
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, u := range found {
		rows = append(rows, []string{u.ID, u.Email, word(u.Staff, "staff"), word(u.Deleted, "deleted")})
	}
	return k.print(a, found, []string{"id", "email", "staff", "deleted"}, rows, more)
}

// Run lists the courses.
func (k vendorsCoursesCmd) Run(ctx context.Context, a *app.App) error {
	found := []listedCourse{}
	more, err := k.list(ctx, a, "courses", func(ctx context.Context, port vendors.Adapter, end func(n int) error) error {
		p, ok := vendors.Port[vendors.CourseLister](port)
		if !ok {
			return errNoList
		}
		return p.ListCourses(ctx, func(one vendors.ListedCourse) error {
			if err := end(len(found)); err != nil {
				return err
			}
			found = append(found, listedCourse(one))
			return nil
		})
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for _, c := range found {
		rows = append(rows, []string{c.ID, c.Name})
	}
	return k.print(a, found, []string{"id", "name"}, rows, more)
}

// word returns the text if the flag is set.
func word(set bool, text string) string {
	if set {
		return text
	}
	return ""
}

var (
	errNoList  = errors.New("the vendor has no call for such a list")
	errEnough  = errors.New("enough")
	errListing = errors.New("the list of the vendor ended early")
)

// list calls read with an adapter that only reads. end returns an error once n items are enough. The
// result is whether the vendor has more items.
func (l listing) list(ctx context.Context, a *app.App, what string, read func(ctx context.Context, port vendors.Adapter, end func(n int) error) error) (more bool, _ error) {
	if err := a.KnownVendors(l.Name); err != nil {
		return false, app.Usage(err)
	}
	c, err := a.Config()
	if err != nil {
		return false, err
	}
	for _, v := range a.Catalog.With(&c) {
		if v.Name != l.Name {
			continue
		}
		if off := c.Off()[v.Name]; off != "" {
			return false, app.Usage(fmt.Errorf("%s is off: %s", v.Name, off))
		}
		port, err := v.ReadOnly(nil)
		if err != nil {
			return false, err
		}
		err = read(ctx, port, func(n int) error {
			if l.Limit > 0 && n >= l.Limit {
				return errEnough
			}
			return nil
		})
		switch {
		case errors.Is(err, errEnough):
			return true, nil
		case errors.Is(err, errNoList):
			return false, fmt.Errorf("%s has no call that lists %s", v.Name, what)
		case err != nil:
			return false, fmt.Errorf("%w: %w", errListing, vendors.Named(v.Name, err))
		}
	}
	return false, nil
}

// print prints the items, and a hint if there are more.
func (l listing) print(a *app.App, items any, head []string, rows [][]string, more bool) error {
	if more {
		_, _ = fmt.Fprintf(a.Stderr, "the first %d only: see --limit\n", l.Limit)
	}
	if l.Data() {
		return l.Write(a, items)
	}
	return l.Rows(a, head, rows)
}
