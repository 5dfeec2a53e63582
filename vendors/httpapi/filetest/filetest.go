// Package filetest tests the description of an API against a stand-in made from it: the conformance
// suite, and a trial of "once" under faults.
package filetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

// course is a course of the stand-in.
const course = "101"

// Run runs the trial of "once" and the conformance suite of a file.
func Run(t *testing.T, f *httpapi.File) {
	t.Run("once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, fault := range Once(f) {
				t.Error(fault)
			}
		})
	})
	Answers(t, f)
}

// Answers runs the conformance suite of a file.
func Answers(t *testing.T, f *httpapi.File) { vendortest.Run(t, Suite(f)) }

// LeftOut are the groups of the suite that are not run, with the reason.
var LeftOut = map[string]string{
	"changes": "a stand-in made from a file keeps no record of each change; the trial of lost answers makes the same changes",
}

// Suite returns the conformance suite of a file against its stand-in, without the groups of LeftOut.
func Suite(f *httpapi.File) vendortest.Suite {
	s := vendortest.Suite{
		Name: f.Name, FakeVendor: func() http.Handler { return newKept(f) }, OwnRules: true, Course: course,
		New:        func(s vendors.Settings) (vendors.Adapter, error) { return adapter(f, s) },
		Secrets:    []string{httpapi.TestSecret},
		Groups:     slices.DeleteFunc(vendortest.Groups(), func(name string) bool { return LeftOut[name] != "" }),
		Repeatable: []string{vendortest.Find, vendortest.List, vendortest.Show, vendortest.Courses, vendortest.Enrolled},
		Reads:      httpapi.NewStandIn(f).Reads, Unpaged: f.List != nil && f.List.Pages == nil,
	}
	addressed := slices.Contains(f.Operations(), "create") && !slices.Contains(f.Operations(), "find")
	for _, op := range []string{vendortest.Create, vendortest.Delete, vendortest.Enroll, vendortest.Track} {
		if f.Repeats(op) && (op != vendortest.Create || addressed) {
			s.Repeatable = append(s.Repeatable, op)
		}
	}
	if paths := f.LoginPaths(); len(paths) > 0 {
		s.Login = func(r *http.Request) bool {
			return slices.ContainsFunc(paths, func(path string) bool { return strings.HasSuffix(r.URL.Path, path) })
		}
	}
	return s
}

// adapter returns the adapter of a file, with settings for a stand-in.
func adapter(f *httpapi.File, s vendors.Settings) (vendors.Adapter, error) {
	c, err := httpapi.TestConfig(f, s)
	if err != nil {
		return nil, err
	}
	return httpapi.New(c)
}

// kept is a stand-in whose accounts the suite sees. A second account with an e-mail is refused.
type kept struct{ *httpapi.StandIn }

func newKept(f *httpapi.File) kept {
	s := httpapi.NewStandIn(f)
	s.Strict = true
	return kept{s}
}

// Fake returns a stand-in made from a file, for a sandbox. refuses is whether a creation with an
// e-mail in use is refused.
func Fake(f *httpapi.File, refuses bool) sandbox.Fake {
	s := newKept(f)
	s.Strict = refuses
	return s
}

// State returns the accounts, the enrolments and the activities.
func (k kept) State() (state sandbox.VendorState) {
	for _, a := range append(k.Accounts(), k.Deleted()...) {
		state.Users = append(state.Users, sandbox.User{
			ID: a.ID, External: a.UserID, Email: a.Email, Staff: a.Staff, Deleted: a.Deleted || a.Off,
			Creates: a.Creates, Updates: a.Updates, Deletes: a.Deletes,
		})
	}
	for _, e := range k.Enrollments() {
		one := sandbox.Enrollment{UserID: e.Account, CourseID: e.Course, Active: e.Active}
		if one.Applied = e.Times; !e.Active {
			one.Applied, one.Ended = 0, e.Times
		}
		state.Enrollments = append(state.Enrollments, one)
	}
	for _, a := range k.Activities() {
		at, _ := time.Parse(time.RFC3339, a.At) // other forms stay out
		state.Events = append(state.Events, sandbox.Event{RequestID: a.Key, UserID: a.UserID, Name: a.Name, At: at, Received: a.Times, Recorded: 1})
	}
	return state
}

// ChangeManually adds or removes an account.
func (k kept) ChangeManually(a sandbox.ManualAction, email string) error {
	switch a {
	case sandbox.Add, sandbox.AddStaff:
		k.Add(email, a == sandbox.AddStaff)
		return nil
	}
	if !k.Remove(email) {
		return fmt.Errorf("no account to %s", a)
	}
	return nil
}
