package vendors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
)

func TestErrorText(t *testing.T) {
	tests := map[string]struct {
		err  vendors.Error
		want string
	}{
		"again": {
			vendors.Error{Vendor: "acme", Op: "get user", Status: 503, Message: "down"},
			"acme: get user: status 503: down",
		},
		"unknown": {
			vendors.Error{Vendor: "acme", Op: "add user", Err: errors.New("no response within the timeout"), Unknown: true},
			"acme: add user: no response within the timeout (the change may have been made: check before repeating it)",
		},
		"credentials": {
			vendors.Error{Vendor: "acme", Op: "add user", Status: 401, Class: vendors.Unusable},
			"acme: add user: status 401 (check the credentials of acme and their rights)",
		},
		"redirect": {
			vendors.Error{Vendor: "acme", Op: "add user", Status: 302, Class: vendors.Unusable},
			"acme: add user: status 302 (redirects are not followed: set the base URL of acme to the target of the redirect)",
		},
		"unusable": {
			vendors.Error{Vendor: "acme", Op: "add user", Class: vendors.Unusable, Message: "the base URL is not a URL"},
			"acme: add user: the base URL is not a URL (check the base URL and the credentials of acme)",
		},
		"course": {
			*vendors.FailCourse("acme", "enroll", "no course 7"),
			"acme: enroll: no course 7 (correct the id under courses in the configuration, then replay)",
		},
		"staff": {
			*vendors.FailStaff("acme", "update user", "the role is teacher"),
			"acme: update user: staff is never changed: the role is teacher (take the role away at the vendor, or drop the dead letter)",
		},
		"permanent": {
			*vendors.Fail("acme", "enroll", "no such course"),
			"acme: enroll: no such course (a retry will not help: correct the event or the vendor's data, then replay)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.err.Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestReadingErrors(t *testing.T) {
	cause := errors.New("cause")
	gone := fmt.Errorf("delete: %w", &vendors.Error{Class: vendors.Permanent, Status: 410, Unknown: true, After: time.Second, Err: cause})
	if !errors.Is(gone, cause) || vendors.ClassOf(gone) != vendors.Permanent || vendors.StatusOf(gone) != 410 ||
		!vendors.IsUnknown(gone) || !vendors.IsGone(gone) {
		t.Errorf("%v is not read through its wrapping", gone)
	}
	for name, err := range map[string]error{"nil": nil, "plain": cause, "not found": vendors.ErrNotFound} {
		if vendors.ClassOf(err) != vendors.Again || vendors.StatusOf(err) != 0 || vendors.IsUnknown(err) || vendors.IsGone(err) {
			t.Errorf("%s: says more than it knows", name)
		}
	}
}

func TestClassNames(t *testing.T) {
	for class, want := range map[vendors.Class]string{
		vendors.Again: "again", vendors.Permanent: "permanent", vendors.Unusable: "unusable", vendors.Class(9): "again",
	} {
		if got := class.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUserName(t *testing.T) {
	tests := map[string]struct {
		user vendors.User
		want string
	}{
		"both":   {vendors.User{FirstName: "Ada", LastName: "Lovelace"}, "Ada Lovelace"},
		"first":  {vendors.User{FirstName: "Ada", Email: "x@example.org"}, "Ada"},
		"last":   {vendors.User{LastName: "Lovelace"}, "Lovelace"},
		"e-mail": {vendors.User{Email: "ada@example.org"}, "ada"},
	}
	for name, test := range tests {
		if got := test.user.Name(); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestSameEmail(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"equal": {"ada@example.org", "ada@example.org", true}, "case": {"Ada@Example.ORG", "ada@example.org", true},
		"blanks": {" ada@example.org\n", "ada@example.org", true}, "longer": {"ada@example.org.uk", "ada@example.org", false},
		"ASCII domain": {"info@müller.example", "Info@xn--mller-kva.example", true}, "domain in capitals": {"info@MÜLLER.example", "info@müller.example", true},
		"other local part": {"jörg@example.org", "jorg@example.org", false}, "punycode before the @": {"xn--jrg-sna@example.org", "jörg@example.org", false},
		"other umlaut": {"info@muller.example", "info@müller.example", false}, "no @": {"müller.example", "xn--mller-kva.example", false},
		"tag": {"ada+x@example.org", "ada@example.org", false}, "dots": {"a.da@example.org", "ada@example.org", false},
	}
	for name, test := range tests {
		if got := vendors.SameEmail(test.a, test.b); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestPasswords(t *testing.T) {
	a, b := vendors.NewPassword().Reveal(), vendors.NewPassword().Reveal()
	if a == b || len(a) < 20 || !strings.ContainsAny(a, "abcdefgh") || !strings.ContainsAny(a, "0123456789") || !strings.ContainsAny(a, "A") || !strings.Contains(a, "-") {
		t.Error("a password is weak or not random")
	}
}
