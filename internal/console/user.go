package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
)

// userEvent is one event of a history, with its outcome at each vendor.
type userEvent struct {
	ops.HistoryEvent                    // the members shared by all vendors
	At               []ops.HistoryEvent // by vendor
}

// userPage is the data of the page of a user.
type userPage struct {
	ops.User
	Asked  bool // a user is named
	Events []userEvent
	Watch  string // the id of an awaited event
	Live   bool   // effects are unfinished, or an event is awaited

	Unfound bool     // no user has the e-mail
	Same    []string // ids of several users with one e-mail
}

// user shows the history of a user, or the form for the id of a user.
func (c *Console) user(ctx context.Context, v *visit) (answer, error) {
	p := userPage{Watch: v.FormValue("watch")}
	id := strings.TrimSpace(v.FormValue("id"))
	if id == "" {
		return answer{page: "user", title: "Users", data: p}, nil
	}
	user, err := v.service.User(ctx, id)
	if err != nil {
		return answer{}, err
	}
	p.Asked, p.User, p.Live = true, user, p.Watch != "" || user.Unfinished()
	for _, e := range user.Events {
		if n := len(p.Events); n > 0 && p.Events[n-1].Key == e.Key && p.Events[n-1].Type == e.Type {
			p.Events[n-1].At = append(p.Events[n-1].At, e)
		} else {
			p.Events = append(p.Events, userEvent{e, []ops.HistoryEvent{e}})
		}
	}
	slices.Reverse(p.Events)
	if !user.Known() && p.Watch == "" {
		return answer{page: "user", title: "Users", data: p, status: http.StatusNotFound}, nil
	}
	return answer{page: "user", title: "Users", data: p}, nil
}

// findUser leads to the page of a user, by the id or by an e-mail. The e-mail is in no URL.
func (c *Console) findUser(ctx context.Context, v *visit) (answer, error) {
	ids, err := v.service.FindUsers(ctx, v.PostFormValue("id"))
	if err != nil {
		return answer{}, err
	}
	switch len(ids) {
	case 0:
		return answer{page: "user", title: "Users", data: userPage{Unfound: true}, status: http.StatusNotFound}, nil
	case 1:
		return answer{to: root + "user?id=" + url.QueryEscape(ids[0])}, nil
	default:
		return answer{page: "user", title: "Users", data: userPage{Same: ids}}, nil
	}
}

// Lines returns the vendors with a line.
func (p userPage) Lines() []ops.UserAtVendor {
	lines, _ := p.Shown()
	return lines
}

// Off returns the names of the other vendors.
func (p userPage) Off() []string {
	_, off := p.Shown()
	return off
}

// Coming reports whether the awaited event is not registered yet.
func (p userPage) Coming() bool {
	for _, e := range p.Events {
		if e.EventID == p.Watch {
			return false
		}
	}
	return p.Watch != ""
}

// Unfinished returns the number of unfinished effects.
func (p userPage) Unfinished() (n int) {
	for _, e := range p.History.Events {
		if e.Ended == nil {
			n++
		}
	}
	return n
}

// NotDone returns the vendors where the user waits or has a dead letter, in words; empty without any.
func (p userPage) NotDone() string {
	var parts []string
	for _, l := range p.Lines() {
		if kind := atVendorKind(l.State); kind != kindDone && kind != kindSkipped {
			parts = append(parts, l.Vendor+": "+l.State)
		}
	}
	return strings.Join(parts, ", ")
}

// atVendorKind returns the class of the state of a user at a vendor, for CSS.
func atVendorKind(state string) string {
	switch state {
	case ops.UserDone:
		return kindDone
	case ops.UserOutOfScope, ops.UserSkipped, ops.UserNever, ops.UserOff:
		return kindSkipped
	case ops.UserDead, ops.UserFailed:
		return kindFailed
	default:
		return "waiting"
	}
}

// stateKind returns the class of the state of an effect, for CSS.
func stateKind(state string) string {
	switch state {
	case events.Done, events.AlreadyDone:
		return kindDone
	case events.Superseded, events.Unsupported, events.Skipped:
		return kindSkipped
	case events.Failed:
		return kindFailed
	default:
		return "waiting"
	}
}

// wouldKind returns the class of a word of a preview, for CSS.
func wouldKind(would string) string {
	switch would {
	case ops.WouldFail:
		return kindFailed
	case ops.WouldWait, ops.WouldDepend, ops.WouldUnknown:
		return "waiting"
	case ops.WouldSkip, ops.WouldNothing, ops.WouldIgnore, ops.WouldSupersede, ops.WouldUnsupported, ops.WouldRepeat:
		return kindSkipped
	default:
		return kindDone
	}
}
