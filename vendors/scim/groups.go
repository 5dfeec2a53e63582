package scim

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Enrolled reports whether the account is a member of the group, as far as the server shows
// members. A missing group is a permanent error. With MembershipNone the result is false: a second
// addition of a member has no effect.
func (a *Adapter) Enrolled(ctx context.Context, acc vendors.Account, c vendors.Course) (bool, error) {
	in, _, err := a.member(ctx, acc, c)
	return in, err
}

// member reports whether the account is in the group, and whether the server shows that.
func (a *Adapter) member(ctx context.Context, acc vendors.Account, c vendors.Course) (in, shown bool, _ error) {
	switch a.config.Membership {
	case MembershipNone:
		return false, false, nil
	case MembershipUser:
		r, err := a.get(ctx, acc.ID)
		if errors.Is(err, vendors.ErrNotFound) {
			return false, true, nil
		}
		return has(r.Groups, c.ID), r.Groups != nil, err
	case MembershipFilter:
		return a.memberByFilter(ctx, acc, c)
	}
	g, err := a.api.GetGroup(ctx, c.ID, true)
	if isGone(err) {
		err = a.noGroup(ctx, "enrolled")
	}
	return has(g.Members, acc.ID), g.Members != nil, err
}

// memberByFilter asks the server for the group with the member.
func (a *Adapter) memberByFilter(ctx context.Context, acc vendors.Account, c vendors.Course) (in, shown bool, _ error) {
	page, err := a.api.ListGroups(ctx, Query{Filter: "id eq " + quoted(c.ID) + " and members.value eq " + quoted(acc.ID), Count: a.config.PageSize})
	switch {
	case err != nil:
		return false, false, err
	case page.TotalResults == nil, int(*page.TotalResults) > 0 && len(page.Resources) == 0:
		return false, false, unreadable("list groups", "the response has no list of groups")
	}
	for _, g := range page.Resources {
		if g.ID != c.ID || (g.Members != nil && !has(g.Members, acc.ID)) {
			return false, false, vendors.Fail(vendor, "enrolled", "the server does not filter groups by their members").WithRemedy("set membership to another value")
		}
	}
	return len(page.Resources) > 0, true, nil
}

// has reports whether a list has the value.
func has(list []Value, value string) bool {
	return slices.ContainsFunc(list, func(v Value) bool { return v.Value == value })
}

// noGroup returns the error of a missing group, or the error of Check.
func (a *Adapter) noGroup(ctx context.Context, op string) error {
	if err := a.Check(ctx); err != nil {
		return err
	}
	return vendors.FailCourse(vendor, op, "the server has no such group")
}

// Enroll adds the account to the group, one member by one call: the list of members is never sent.
// An existing membership is success.
func (a *Adapter) Enroll(ctx context.Context, e vendors.Enrollment) error {
	const op = "enroll"
	add := Operation{Op: "add", Path: "members", Value: []Value{{Value: e.Account.ID}}}
	refused := a.changeGroup(ctx, op, e, add)
	if refused != nil && (!vendors.IsRefused(refused) || vendors.IsUnknown(refused)) {
		return refused
	}
	in, shown, err := a.member(ctx, e.Account, e.Course)
	switch {
	case err != nil:
		return err
	case refused != nil && !in: // some servers refuse an existing member
		return refused
	case shown && !in:
		return notDone(op, "the group does not have the member")
	}
	return nil
}

// Unenroll removes the account from the group, one member by one call. A missing membership, and a
// missing account, are success.
func (a *Adapter) Unenroll(ctx context.Context, e vendors.Enrollment) error {
	const op = "unenroll"
	refused := a.changeGroup(ctx, op, e, Operation{Op: "remove", Path: "members[value eq " + quoted(e.Account.ID) + "]"})
	if refused != nil && !vendors.IsRefused(refused) {
		return refused
	}
	in, shown, err := a.member(ctx, e.Account, e.Course)
	switch {
	case err != nil:
		return err
	case !shown && (isGone(refused) || noTarget(refused)):
		return nil
	case refused != nil && (in || !shown):
		return refused
	case in:
		return notDone(op, "the group still has the member")
	}
	return nil
}

// noTarget reports whether the server says that the path of an operation matches nothing.
func noTarget(err error) bool {
	e, ok := errors.AsType[*vendors.Error](err)
	return ok && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "noTarget")
}

// changeGroup makes a change of a group that exists.
func (a *Adapter) changeGroup(ctx context.Context, op string, e vendors.Enrollment, o Operation) error {
	err := a.api.PatchGroup(ctx, e.Course.ID, o)
	switch {
	case vendors.StatusOf(err) == http.StatusMethodNotAllowed, vendors.StatusOf(err) == http.StatusNotImplemented:
		return vendors.Fail(vendor, op, "the server does not change groups by PATCH; Usher never sends a whole list of members")
	case !isGone(err):
		return err
	}
	if _, lookup := a.api.GetGroup(ctx, e.Course.ID, false); isGone(lookup) {
		return a.noGroup(ctx, op)
	}
	return err // of the account
}
