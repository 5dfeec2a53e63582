package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors"
)

// Rules are the compiled rules of a team for one vendor: the users with an account, and the data
// of an account.
type Rules interface {
	// HasScope reports whether only some users have an account.
	HasScope() bool
	// InScope reports whether the user has an account. An error is a *RuleError.
	InScope(p Profile, e events.Event) (bool, error)
	// Map changes the user given to the vendor. creating is true for a creation. An error is a
	// *RuleError.
	Map(p Profile, e events.Event, u vendors.User, creating bool) (vendors.User, error)
}

// Profile is all known data of a user, with the data of the event.
type Profile struct {
	Data  json.RawMessage // as the data of user.created; without members for an unknown user
	Known bool            // whether there is data
	// Enters says that an update may create the account: the user was created, and is not deleted.
	Enters  bool
	Deleted bool // whether a deletion newer than the event was seen
	// Decoded, if set, keeps Data once a rule has decoded Data, for the other rules.
	Decoded *map[string]any
}

// RuleError says that a rule cannot be evaluated for one user. The text has no value of the user.
type RuleError struct {
	Rule    string // key of the rule, such as scope or map.email
	Problem string
}

// Error returns rule and problem.
func (e *RuleError) Error() string { return "rule " + e.Rule + ": " + e.Problem }

// judgeScope returns the reply to an event of a user out of scope, or the zero Reply. A deletion goes
// by the record: the account may be from before the rules.
func (h Handler) judgeScope(v Vendor, k Known, e events.Event) (Reply, error) {
	rules, restores := v.Rules, h.Type == events.UserRestored
	switch {
	case rules == nil:
		return Reply{}, nil
	case h.Removes, restores && !k.Profile.Known:
		if rules.HasScope() && !k.known() && !k.Gone && !k.UnconfirmedLifecycle {
			return h.Skipped(ReasonScope), nil
		}
		return Reply{}, nil
	case k.Profile.Deleted && !restores:
		return Reply{Outcome: events.Superseded}, nil
	case !rules.HasScope(), h.Ends && k.known():
		return Reply{}, nil
	case !k.Profile.Known && !k.known():
		return Reply{}, ErrNoAccount
	}
	in, err := rules.InScope(k.Profile, e)
	if err != nil || in {
		return Reply{}, err
	}
	return h.Skipped(ReasonScope), nil
}

// mapped returns the user for a vendor: u without rules, or else the whole profile, mapped.
func (v Vendor) mapped(k Known, e events.Event, u vendors.User, creating bool) (vendors.User, error) {
	if v.Rules == nil {
		return u, nil
	}
	if k.Profile.Known {
		var d snapshot
		if err := json.Unmarshal(k.Profile.Data, &d); err != nil {
			return u, &RuleError{Rule: "map", Problem: "the profile of the user cannot be read"}
		}
		id := u.ID
		u = person(d)
		u.ID = id
	}
	return v.Rules.Map(k.Profile, e, u, creating)
}

// Account returns the data of an account for a profile, and whether the user is in scope. e is an
// event of the user. An error is a *RuleError.
func (v Vendor) Account(p Profile, e events.Event) (u vendors.User, in bool, err error) {
	u = vendors.User{ID: userID(e)}
	if v.Rules == nil {
		d, err := data[snapshot](e)
		return person(d), true, err
	}
	if in, err = v.Rules.InScope(p, e); err != nil || !in {
		return u, in, err
	}
	u, err = v.mapped(Known{Profile: p}, e, u, false)
	return u, true, err
}

// enter creates the account of a user new in scope by an update. An account found is
// adopted and updated.
func enter(ctx context.Context, v Vendor, e events.Event, k Known) (Reply, error) {
	k.Active = false // see update
	u, err := v.mapped(k, e, vendors.User{ID: userID(e)}, true)
	if err != nil {
		return Reply{}, err
	}
	reply, err := provision(ctx, v, u, k)
	if err != nil || !reply.Found {
		return reply, err
	}
	p, ok := vendors.Port[vendors.Updater](v.Adapter)
	if !ok {
		return reply, nil
	}
	if err := k.reserve(ctx, reply.Account); err != nil {
		return Reply{}, err
	}
	if u, err = v.mapped(k, e, u, false); err != nil {
		return Reply{}, err
	}
	return Reply{
		Outcome: events.Done, Account: reply.Account, Action: events.ActionUpdated, MatchedBy: cmp.Or(reply.MatchedBy, events.MatchedByEmail), Changed: fieldsOf(u),
	}, v.updateAt(ctx, p, reply.Account, u, k)
}

// enters reports whether an update would create the account of a user out of scope until now.
func (v Vendor) enters(k Known, err error) bool {
	return errors.Is(err, ErrNoAccount) && v.Rules != nil && v.Rules.HasScope() && k.Profile.Enters
}

// userID returns the id of the user in the data of an event.
func userID(e events.Event) string {
	d, err := data[snapshot](e)
	if err != nil {
		return ""
	}
	return d.UserID
}
