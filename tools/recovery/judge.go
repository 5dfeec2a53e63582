package recovery

import (
	"context"
	"fmt"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/environment"
	"github.com/usherhq/usher/vendors/sandbox"
)

// judge returns the faults: an event without a result or with several results, an effect
// carried out twice by the vendor, and a result without an effect.
func (t *trial) judge(ctx context.Context, stuck []sent) (faults []string, err error) {
	if len(stuck) > 0 {
		faults = append(faults, "without a result: "+names(stuck))
	}
	state, err := t.State(ctx)
	if err != nil {
		return nil, err
	}
	expired, err := t.expired(ctx)
	if err != nil {
		return nil, err
	}
	accounts := accountsOf(state)
	for _, s := range t.sent {
		if !expired[s.key[:keyPart]] {
			faults = append(faults, judgeEvent(s, t.results.Of(s.id), accounts[s.user])...)
		}
	}
	return append(faults, t.judgeState(state)...), nil
}

// judgeState returns the enrolments and activities made twice.
func (t *trial) judgeState(state sandbox.VendorState) (faults []string) {
	for _, e := range state.EnrolledTwice() {
		faults = append(faults, fmt.Sprintf("account %s is in course %s twice", e.UserID, e.CourseID))
	}
	for _, e := range state.RecordedTwice() {
		faults = append(faults, fmt.Sprintf("%s of %s is recorded twice", e.Name, e.UserID))
	}
	for _, e := range state.Enrollments {
		// An enrolment in flight at a kill is repeated at Miestro: Miestro has no query for enrolments.
		if e.Applied > 1 && (!t.killed || t.vendor != "miestro") {
			faults = append(faults, fmt.Sprintf("account %s was enrolled in course %s by %d calls", e.UserID, e.CourseID, e.Applied))
		}
	}
	return faults
}

// judgeEvent judges one event by the results and by the accounts of the user.
func judgeEvent(s sent, found []environment.Result, a account) (faults []string) {
	if len(found) > 1 {
		faults = append(faults, fmt.Sprintf("%s of %s has %d results", s.id, s.user, len(found)))
	}
	if s.kind != events.UserCreated {
		return faults
	}
	if a.creates > 1 || a.accounts > 1 {
		faults = append(faults, fmt.Sprintf("%s was created %d times, and has %d accounts", s.user, a.creates, a.accounts))
	}
	done := len(found) > 0 && (found[0].Outcome == events.Done || found[0].Outcome == events.AlreadyDone)
	if done != (a.accounts > 0) {
		faults = append(faults, fmt.Sprintf("%s has %d accounts, and its creation has %v", s.user, a.accounts, found))
	}
	return faults
}

// account counts the accounts of a user at the vendor, and the creations.
type account struct{ accounts, creates int }

func accountsOf(state sandbox.VendorState) map[string]account {
	all := map[string]account{}
	for _, u := range state.Users {
		id, ours := strings.CutSuffix(u.Email, "@example.org")
		if !ours {
			continue
		}
		a := all[id]
		a.accounts, a.creates = a.accounts+1, a.creates+u.Creates
		all[id] = a
	}
	return all
}
