package vendors_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/usherhq/usher/vendors"
)

func TestNamed(t *testing.T) {
	inner := &vendors.Error{Vendor: "lead", Op: "look up user", Status: 503}
	denied := &vendors.Error{Vendor: "lead", Op: "create user", Status: 401, Class: vendors.Unusable}
	cases := map[string]struct {
		err  error
		want string
	}{
		"none":          {nil, "<nil>"},
		"another error": {vendors.ErrNotFound, "no such account"},
		"plain":         {inner, "school: look up user: status 503"},
		"with a name":   {&vendors.Error{Vendor: "school", Op: "enroll"}, "school: enroll"},
		"wrapped":       {fmt.Errorf("reserve: %w (%w)", inner, vendors.ErrReadOnly), "reserve: school: look up user: status 503 (" + vendors.ErrReadOnly.Error() + ")"},
		"with advice":   {denied, "school: create user: status 401 (check the credentials of school and their rights)"},
		"with a cause":  {&vendors.Error{Vendor: "lead", Op: "enroll", Err: inner, Unknown: true}, "school: enroll: school: look up user: status 503 (the change may have been made: check before repeating it)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := vendors.Named("school", c.err)
			if fmt.Sprint(got) != c.want {
				t.Errorf("got  %v\nwant %s", got, c.want)
			}
			if !errors.Is(got, c.err) || vendors.ClassOf(got) != vendors.ClassOf(c.err) || vendors.StatusOf(got) != vendors.StatusOf(c.err) || vendors.IsUnknown(got) != vendors.IsUnknown(c.err) {
				t.Errorf("the error lost its causes: %v", got)
			}
			if e, ok := errors.AsType[*vendors.Error](got); ok && e.Vendor != "school" {
				t.Errorf("got the vendor %s", e.Vendor)
			}
		})
	}
	if inner.Vendor != "lead" {
		t.Error("the error itself was changed")
	}
}
