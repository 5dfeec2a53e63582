package main

import (
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/vendors/lead"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/meiro"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/scim"
	"github.com/usherhq/usher/vendors/usermost"
)

// catalog returns the vendors and the event types of this program.
func catalog() engine.Catalog {
	return engine.Catalog{Vendors: vendorList, Handlers: handlerList}
}

// vendorList returns THE list of vendors. A further vendor is a folder below vendors/ and a
// line here: see docs/adding-a-vendor.md.
func vendorList() []engine.Vendor {
	return []engine.Vendor{
		engine.VendorOf("miestro", miestro.Defaults(), miestro.New),
		engine.VendorOf("meiro", meiro.Defaults(), meiro.New),
		engine.VendorOf("lead", lead.Defaults(), lead.New),
		engine.VendorOf("magloft", magloft.Defaults(), magloft.New),
		engine.VendorOf("usermost", usermost.Defaults(), usermost.New),
		engine.VendorOf("scim", scim.Defaults(), scim.New),
	}
}

// handlerList returns THE list of event types.
func handlerList(courses handlers.Courses, names []string) []handlers.Handler {
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
