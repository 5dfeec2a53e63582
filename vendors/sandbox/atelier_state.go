package sandbox

import (
	"slices"
	"strconv"
)

func (a *atelier) state() VendorState {
	a.mu.Lock()
	defer a.mu.Unlock()
	state := VendorState{Enrollments: slices.Clone(a.seats)}
	for _, p := range a.people {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(p.No), External: p.Ref, Email: p.Mail, Name: fullName(p.Given, p.Family), Staff: p.Team, Deleted: p.deleted || p.Closed,
			Creates: p.creates, Updates: p.updates, Deletes: p.erases, Restores: p.restores,
		})
	}
	return state
}

// changeManually adds a person, closes or reopens the account, or deletes the person.
func (a *atelier) changeManually(action ManualAction, email string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if action.creates() {
		a.add(atelierPerson{Mail: email, Given: "By", Family: "Hand", Team: action == AddStaff})
		return true
	}
	for _, p := range a.people {
		if !p.deleted && action.applies(p.Mail, email, p.Closed) {
			p.Closed, p.deleted = action != Restore, action == Purge
			return true
		}
	}
	return false
}
