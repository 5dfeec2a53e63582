package usher

import (
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/usermost"
)

// Vendors returns THE list of vendors. A further vendor is a folder below vendors/ and a
// line here: see docs/adding-a-vendor.md. A vendor in another module is in Options.Vendors.
func Vendors() []Vendor {
	return []Vendor{
		VendorOf("miestro", miestro.Defaults(), miestro.New),
		VendorOf("meiro", meiro.Defaults(), meiro.New),
		VendorOf("lead", lead.Defaults(), lead.New),
		VendorOf("magloft", magloft.Defaults(), magloft.New),
		VendorOf("usermost", usermost.Defaults(), usermost.New),
		VendorOf("scim", scim.Defaults(), scim.New),
		VendorOf("http", httpapi.Defaults(), httpapi.New).KindOnly(),
	}
}

// Handlers returns THE list of event types, for the courses of the configuration and the names of
// the vendors.
func Handlers(courses handlers.Courses, names []string) []handlers.Handler {
	return []handlers.Handler{
		handlers.UserCreated(),
		handlers.UserUpdated(),
		handlers.UserDeleted(),
		handlers.UserRestored(),
		handlers.EnrollmentRequested(courses, names),
		handlers.EnrollmentCancelled(courses, names),
		handlers.ActivityTracked(),
	}
}
