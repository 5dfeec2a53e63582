package main

import (
	"context"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/usermost"
)

// vendorList is THE list of vendors. A further one is a folder below vendors/
// and a line here.
func vendorList(c *config.Config) []vendor {
	v := &c.Vendors
	return []vendor{
		{"miestro", &v.Miestro.Client, func() (any, error) {
			return miestro.New(miestro.Config{Options: v.Miestro.Options(), APIKey: v.Miestro.APIKey, APISecret: v.Miestro.APISecret})
		}},
		{"meiro", &v.Meiro.Client, func() (any, error) {
			return meiro.New(meiro.Config{
				Options: v.Meiro.Options(), Email: v.Meiro.Email, Password: v.Meiro.Password,
				AccessToken: v.Meiro.AccessToken, Mode: v.Meiro.Mode, CollectURL: v.Meiro.CollectURL,
			})
		}},
		{"lead", &v.LEAD.Client, func() (any, error) {
			return lead.New(lead.Config{Options: v.LEAD.Options(), Email: v.LEAD.Email, Password: v.LEAD.Password, EnrollPath: v.LEAD.EnrollPath})
		}},
		{"magloft", &v.MagLoft.Client, func() (any, error) {
			return magloft.New(magloft.Config{
				Options: v.MagLoft.Options(), AccessToken: v.MagLoft.AccessToken, Mode: v.MagLoft.Mode, AppID: v.MagLoft.AppID,
			})
		}},
		{"usermost", &v.Usermost.Client, func() (any, error) {
			return usermost.New(usermost.Config{Options: v.Usermost.Options(), LicenseCode: v.Usermost.LicenseCode.Reveal(), APIKey: v.Usermost.APIKey})
		}},
	}
}

// handlerList is THE list of event types.
func handlerList(courses handlers.Courses, vendors []string) []handlers.Handler {
	return []handlers.Handler{
		handlers.UserCreated(),
		handlers.UserDeleted(),
		handlers.EnrollmentRequested(courses, vendors),
		handlers.ActivityTracked(),
	}
}

// vendor is one entry of the list.
type vendor struct {
	name    string
	client  *config.Client
	adapter func() (any, error)
}

// checker is an adapter that can tell whether its vendor takes our credentials.
type checker interface {
	Check(ctx context.Context) error
}
