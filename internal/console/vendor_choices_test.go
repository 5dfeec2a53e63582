package console

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/vendors/lead"
)

// A vendor that is off stands in a select only while something on the page is about the vendor.
func TestVendorChoices(t *testing.T) {
	s := &ops.Service{}
	on, off := lead.Defaults(), lead.Defaults() // a vendor without credentials is off
	on.BaseURL, on.Email, on.Password = "https://lead.example.com/api", "usher@example.org", "p"
	s.Config.Vendors = []config.Section{{Name: "lead", Settings: &on}, {Name: "school1", Settings: &off}, {Name: "school2", Settings: &off}}
	for _, section := range s.Config.Vendors {
		s.Vendors = append(s.Vendors, ops.Vendor{Name: section.Name})
	}
	for used, want := range map[string][]string{"": {"lead"}, "school2": {"lead", "school2"}, "nobody": {"lead"}} {
		if diff := cmp.Diff(want, vendorChoices(s, used)); diff != "" {
			t.Errorf("with %q (-want +got)\n%s", used, diff)
		}
	}
}
