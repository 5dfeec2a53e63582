package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/fairness"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// line returns the state of the user at the vendor.
func (f *vendorFacts) line() UserAtVendor {
	l := UserAtVendor{Vendor: f.name, Mode: f.mode, Account: f.account, Unread: len(f.unread), Ahead: f.ahead}
	for i, e := range f.effects {
		if e.Dead == "" {
			continue
		}
		if l.Letters++; !f.outdated(i) {
			l.Dead = e.Dead
		}
	}
	lead, open := f.lead()
	switch {
	case f.off != "":
		l.State, l.Why = UserOff, f.off
	case open:
		f.unfinished(&l, lead)
	case len(f.unread) > 0:
		f.queued(&l)
	default:
		f.ended(&l)
	}
	if f.unowned && slices.Contains([]string{UserQueued, UserWaiting}, l.State) {
		l.Do = "see that usher serve runs: no process works for the vendor now"
	}
	return l
}

// outdated reports whether a replay of an effect would end as superseded: a newer event has deleted the
// account, or for an event of the life of the account, any newer one of its life was applied.
func (f *vendorFacts) outdated(i int) bool {
	life := events.ScopeOf(f.effects[i].Type) == events.ScopeLifecycle
	return slices.ContainsFunc(f.effects[i+1:], func(e HistoryEvent) bool {
		applied := e.State == events.Done || e.State == events.AlreadyDone
		return applied && (e.Type == events.UserDeleted || life && events.ScopeOf(e.Type) == events.ScopeLifecycle)
	})
}

// lead returns the unfinished effect that the others wait for, in the order of the stream.
func (f *vendorFacts) lead() (e HistoryEvent, ok bool) {
	waits := func(e HistoryEvent) bool { return e.Ended == nil && !e.later }
	i := slices.IndexFunc(f.effects, func(e HistoryEvent) bool { return waits(e) && e.behind == nil })
	if i < 0 {
		i = slices.IndexFunc(f.effects, waits)
	}
	if i < 0 {
		return e, false
	}
	return f.effects[i], true
}

// at names the effect that decides the state.
func (l *UserAtVendor) at(e HistoryEvent) {
	l.Type, l.EventID, l.Key, l.Attempts, l.Since = e.Type, e.EventID, e.Key, e.Attempts, &e.Time
	l.Class, l.Why, l.Until = e.Class, e.Why, e.Until
}

// unfinished sets the state by an unfinished effect. The reason that keeps the effect longest comes
// first.
func (f *vendorFacts) unfinished(l *UserAtVendor, e HistoryEvent) {
	l.at(e)
	switch dead, failed := f.deadAccount(); {
	case f.pause != nil:
		f.paused(l)
	case e.State == EffectHeld:
		f.held(l)
	case e.State == EffectAtWork:
		l.State = UserAtWork
	case f.hold != nil:
		f.onHold(l)
	case e.State == EffectUnknown:
		l.State, l.Why = UserWaiting, cmp.Or(e.Why, "it is unknown whether the vendor made the change: usher asks the vendor first")
	case !e.begun.IsZero() && failed: // waits for an account that a dead letter keeps away
		f.dead(l, dead)
	case !e.begun.IsZero():
		l.State, l.Until = UserWaiting, e.GivenUp
		l.Do = "send user.created of the user, unless it is on its way; the event becomes a dead letter then"
	case e.Attempts == 0 && e.behind == nil && e.Until == nil:
		l.State, l.Why = UserQueued, "the event is read, and waits for its turn at the vendor"
	default:
		l.State = UserWaiting
	}
}

// deadAccount returns the newest dead letter of an event that would have brought the account.
func (f *vendorFacts) deadAccount() (dead HistoryEvent, ok bool) {
	for _, e := range f.effects {
		if e.Dead != "" && events.ScopeOf(e.Type) == events.ScopeLifecycle {
			dead, ok = e, true
		}
	}
	return dead, ok
}

// queued sets the state by the first event of the user that was not read.
func (f *vendorFacts) queued(l *UserAtVendor) {
	first := f.unread[0]
	l.Type, l.EventID, l.Key, l.Since = first.typ, first.id, first.key, &first.stored
	switch {
	case f.pause != nil:
		f.paused(l)
	case f.hold != nil:
		f.onHold(l)
	default:
		l.State = UserQueued
		l.Why = fmt.Sprintf("%s of the stream come before it at this vendor", number(f.ahead, "event"))
	}
}

func (f *vendorFacts) paused(l *UserAtVendor) {
	l.State, l.Since, l.Until = UserPaused, f.pause.Since, f.pause.Until
	l.Why, l.Do = f.whyPaused(), "usher resume "+f.name
}

func (f *vendorFacts) whyPaused() string {
	why := cmp.Or(f.pause.By, "a person") + " paused the vendor"
	switch {
	case f.pause.Why != "":
		why += ": " + f.pause.Why
	case f.pause.By == "":
		why += ": see usher audit"
	}
	return why
}

// explain gives an effect that waits without a reason of its own, such as a failed attempt or an earlier
// event, the reason of the vendor.
func (f *vendorFacts) explain(e *HistoryEvent) {
	if e.Vendor != f.name || e.State != EffectWaiting || e.Why != "" || e.behind != nil {
		return
	}
	switch {
	case f.pause != nil:
		e.Why = f.whyPaused()
	case f.hold != nil:
		e.Why = "vendor on hold: " + f.hold.Why
	}
}

func (f *vendorFacts) onHold(l *UserAtVendor) {
	next := f.hold.Check(f.retry)
	l.State, l.Why, l.Since, l.Until = UserOnHold, f.hold.Why, &f.hold.Since, &next
	l.Do = holdAdvice(f.name, f.hold.Why)
}

// Remedy returns the advice for a vendor on hold; empty if there is nothing to do.
func (v VendorStatus) Remedy() string {
	if advice := holdAdvice(v.Vendor, v.Why); v.State == OnHold && !strings.HasPrefix(advice, nothingToDo) {
		return advice
	}
	return ""
}

// nothingToDo begins the advice for a hold that ends without a person.
const nothingToDo = "nothing: "

// holdAdvice returns the remedy of a hold, by the reason that the circuit breaker gave.
func holdAdvice(vendor, why string) string {
	switch {
	case strings.Contains(why, fairness.HoldRefused), strings.Contains(why, "401"):
		return "replace the credentials: usher vendors check " + vendor
	case strings.Contains(why, fairness.HoldMapping):
		return "find what the refused events have in common: usher dead list --vendor " + vendor + " --by cause"
	default:
		return nothingToDo + "usher checks the vendor, and goes on by itself"
	}
}

func (f *vendorFacts) held(l *UserAtVendor) {
	l.State, l.Why = UserHeld, "the deletion guard holds the deletion"
	if f.guard != nil {
		l.Why, l.Since = "the deletion guard holds deletions: "+f.guard.Why, &f.guard.Since
	}
	l.Do = fmt.Sprintf("an operator approves or drops: usher approve deletions --vendor %s --list", f.name)
}

// ended sets the state by the effects of a user without unfinished ones.
func (f *vendorFacts) ended(l *UserAtVendor) {
	if i := slices.IndexFunc(f.effects, func(e HistoryEvent) bool { return e.Dead != "" && e.Dead == l.Dead }); i >= 0 {
		f.dead(l, f.effects[i])
		return
	}
	last, ok := f.last()
	if !ok {
		f.unasked(l)
		return
	}
	l.at(last)
	l.Until = nil
	l.Since = cmp.Or(last.Ended, l.Since)
	switch {
	case last.State == events.Skipped && last.Reason == handlers.ReasonScope:
		l.State, l.Rule = UserOutOfScope, f.rule(last.Reason)
		l.Why = strings.TrimSuffix("the rule "+l.Rule+" leaves the user out: "+f.scope, ": ")
		l.Do = "nothing, if the user is not to be there; else send the missing data, or correct the rule, and try with usher preview"
	case last.State == events.Skipped:
		l.State, l.Rule = UserSkipped, f.rule(last.Reason)
		l.Why = "the rule " + l.Rule + " forbids: " + last.Action
	case last.State == events.Failed:
		l.State = UserFailed
		l.Do = "the dead letter was dropped, or is too old: send the event again with a new id, or usher resync"
	default:
		l.State = UserDone
		if f.account == string(record.Deleted) || f.account == AccountDisabled {
			l.Why = "the account is " + f.account
		}
	}
}

// last returns the newest ended effect of the account; of activity, if there is no other.
func (f *vendorFacts) last() (last HistoryEvent, ok bool) {
	for _, activity := range []bool{false, true} {
		for _, e := range f.effects {
			if (e.Type == events.ActivityTracked) == activity && e.Ended != nil {
				last, ok = e, true
			}
		}
		if ok {
			return last, true
		}
	}
	return last, false
}

// unasked sets the state of a user without an effect.
func (f *vendorFacts) unasked(l *UserAtVendor) {
	if f.account != "" {
		l.State, l.Why = UserDone, "the history of the account is older than nats.history_max_age"
		return
	}
	l.State, l.Why = UserNever, "no event of the user is for this vendor"
}

// rule returns the key in the configuration of the rule behind a reason.
func (f *vendorFacts) rule(reason string) string {
	if reason == handlers.ReasonShadow {
		reason = "mode"
	}
	return "vendors." + f.name + "." + reason
}

// ruleText returns an expression in one line.
func ruleText(scope config.Scope) string { return strings.Join(strings.Fields(string(scope)), " ") }

// dead sets the state by a dead letter.
func (f *vendorFacts) dead(l *UserAtVendor, e HistoryEvent) {
	l.at(e)
	l.State, l.Until, l.Dead = UserDead, nil, e.Dead
	l.Since = cmp.Or(e.Ended, l.Since)
	then := "replay"
	if e.Class == "expired" { // the letter has no event to replay
		then = "drop"
	}
	l.Do = cmp.Or(deadAdvice[e.Class], "correct the cause") + ", then usher dead " + then + " " + e.Dead // a later version may have further classes
}

// deadAdvice are the remedies before a replay, for each class; docs/operating.md has more.
var deadAdvice = map[string]string{
	"invalid":      "correct the event or the configuration that the reason names",
	"permanent":    "correct what the reason names",
	"prerequisite": "send user.created of the user",
	"exhausted":    "wait until the vendor works",
	"panic":        "report the defect of usher, and run a version with the correction",
	"conflict":     "delete one of the two users, or correct the address",
	"ambiguous":    "keep one of the accounts at the vendor, and remove the others",
	"unadopted":    "change the account at the vendor, or the rule match or adopt, as the reason says",
	"rule":         "correct the rule, or send user.updated with the missing member",
	"profile":      "add the former key to profiles.keys: docs/runbook.md",
	"dropped":      "a person dropped it; if the deletion is right, usher approve deletions --for first",
	"expired":      "send the event again with a new id",
	"unreadable":   "ask the vendor for its answers",
	"record":       "restore the record: docs/runbook.md",
	"overload":     "wait until the events of the user are done",
}

// number returns a count with its noun.
func number(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// UntilWord returns the meaning of Until, such as "next try".
func (l UserAtVendor) UntilWord() string {
	switch {
	case l.State == UserPaused:
		return "until"
	case l.State == UserWaiting && !l.tried():
		return "given up"
	case l.State == UserOnHold:
		return "next check"
	default:
		return "next try"
	}
}

// tried reports whether a failed attempt is known.
func (l UserAtVendor) tried() bool { return l.Class != "" }
