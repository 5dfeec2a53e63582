package ledger

import (
	"slices"
	"time"
)

// Digest is what stands for a user's id in keys, and where it is told who was forgotten.
func Digest(userID string) string { return digest(userID) }

// Forget leaves of the record what keeps a late event from bringing the user back,
// and nothing that tells who it was: the key of a record holds a digest anyway.
// Every event before fence counts as older than a deletion, those of courses too. What
// is finished and not long past stays, without the vendor's words and ids, so that a
// copy that comes late is still told from a new event. What is not finished is
// forgotten, and so is a claim: its holder then finds nothing to write its outcome to.
func (a *Account) Forget(fence Order, now time.Time) {
	b := Account{Life: a.Life, LifeReplay: a.LifeReplay, Deleted: a.Deleted, Forgotten: now}
	if a.State == Deleted {
		b.State = Deleted // else a later deletion asks the vendor, who may have the account still
	}
	if b.Life.Before(fence) {
		b.Life, b.LifeReplay = fence, 0
	}
	if b.Deleted.Before(fence) {
		b.Deleted = fence
	}
	for _, e := range a.Effects {
		if e.Phase == Finished && e.Outcome != nil {
			b.Effects = append(b.Effects, e.anonymous())
		}
	}
	*a = b
}

// anonymous is a finished effect without what it says of the user.
func (e Effect) anonymous() Effect {
	o := *e.Outcome
	o.AccountID, o.Message = "", ""
	e.Course, e.Outcome = "", &o
	return e
}

// Anonymous tells whether the record was forgotten, and has learned nothing since.
func (a *Account) Anonymous() bool {
	known := func(e Effect) bool {
		return e.Phase != Finished || e.Outcome == nil || e.Course != "" || e.Outcome.AccountID != "" || e.Outcome.Message != ""
	}
	return !a.Forgotten.IsZero() && a.UserID == "" && a.AccountID == "" && a.Former == "" && a.Claim == nil && len(a.Courses) == 0 && len(a.Past) == 0 && !slices.ContainsFunc(a.Effects, known)
}

// Unfinished are the effects that have no outcome yet.
func (a *Account) Unfinished() []Effect {
	return slices.DeleteFunc(slices.Clone(a.Effects), func(e Effect) bool { return e.Phase == Finished })
}

// Reaches tells whether the record knows of an event at fence or behind it. (So it does
// once it is forgotten up to there.)
func (a *Account) Reaches(fence Order) bool {
	for _, c := range a.Courses {
		if !c.Order.Before(fence) {
			return true
		}
	}
	return !a.Life.Before(fence) || !a.Data.Before(fence) || slices.ContainsFunc(a.Effects, func(e Effect) bool { return !e.Order.Before(fence) })
}
