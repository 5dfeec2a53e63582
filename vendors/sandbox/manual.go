package sandbox

import (
	"fmt"
	"strings"
)

// ManualAction is an action of a person on a user, in the vendor's own pages.
type ManualAction string

// The manual actions.
const (
	Remove   ManualAction = "remove"    // deletes, like the vendor's own call
	Purge    ManualAction = "purge"     // deletes for good, and frees the e-mail
	Restore  ManualAction = "restore"   // restores a removed user
	Add      ManualAction = "add"       // creates a user
	AddStaff ManualAction = "add staff" // creates a staff member, at vendors with staff
)

// manual is a fake vendor that supports manual actions.
type manual interface {
	// changeManually applies the action to the user with the e-mail, and reports whether there
	// is such a user.
	changeManually(a ManualAction, email string) bool
}

// ChangeManually applies an action to a vendor's user without the API, as a person would in the
// vendor's own pages. An unknown vendor or user is an error.
func (s *Sandbox) ChangeManually(name string, a ManualAction, email string) error {
	for _, v := range s.vendors {
		if m, ok := v.fakeVendor.(manual); ok && v.name() == name {
			v.carryOutDue()
			if m.changeManually(a, email) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s has no user with this e-mail, or no manual actions", name)
}

// creates reports whether the action creates a user.
func (a ManualAction) creates() bool { return a == Add || a == AddStaff }

// applies reports whether the action can be applied to a record.
func (a ManualAction) applies(email, wanted string, deleted bool) bool {
	return strings.EqualFold(email, wanted) && deleted == (a == Restore)
}

// emailAfter returns the e-mail of a record after the action.
func (a ManualAction) emailAfter(email string) string {
	if a == Purge {
		return ""
	}
	return email
}

func (m *miestro) changeManually(a ManualAction, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.creates() {
		u := &miestroUser{ID: len(m.users) + 1, Name: "By Hand", Email: email, Version: 1, CreatedAt: m.config.now(), FullPicture: "https://miestro.com/images/account/user.png"}
		if a == AddStaff {
			u.Role = 3
		}
		m.users = append(m.users, u)
		return true
	}
	for _, u := range m.users {
		if a.applies(u.Email, email, u.deleted) {
			u.deleted, u.Email = a != Restore, a.emailAfter(u.Email)
			return true
		}
	}
	return false
}

func (m *meiro) changeManually(a ManualAction, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.creates() {
		m.add(email, "by hand")
		return true
	}
	for i, u := range m.users {
		if a.applies(u.Email, email, u.Deleted) {
			u.Deleted = a != Restore
			if a == Purge {
				m.users = append(m.users[:i:i], m.users[i+1:]...)
			}
			return true
		}
	}
	return false
}

func (l *lead) changeManually(a ManualAction, email string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.creates() {
		u := &leadUser{Email: email, Role: "learner", FirstName: "By", LastName: "Hand", Language: "en-US"}
		if a == AddStaff {
			u.Role = "global_leader"
		}
		l.add(u)
		return true
	}
	for _, u := range l.users {
		if a.applies(u.Email, email, u.DeletedAt != nil) {
			at := l.stamp()
			u.DeletedAt, u.Email = &at, a.emailAfter(u.Email)
			if a == Restore {
				u.DeletedAt = nil
			}
			return true
		}
	}
	return false
}

// changeManually creates a reader if there are readers, or else a client.
func (m *magloft) changeManually(a ManualAction, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.creates() {
		if len(m.readers) > 0 {
			m.addReader(m.readers[0].app, magloftReaderWrite{Email: &email})
			return true
		}
		m.clients = append(m.clients, &magloftClient{ID: len(m.clients) + 1, Firstname: "By", Lastname: "Hand", Email: email, CreatedAt: m.config.now(), UpdatedAt: m.config.now(), Roles: []object{}})
		return true
	}
	for _, c := range m.clients {
		if a.applies(c.Email, email, c.deleted) {
			c.deleted, c.Email = a != Restore, a.emailAfter(c.Email)
			return true
		}
	}
	for _, r := range m.readers {
		if a.applies(r.Email, email, r.deleted) {
			r.deleted, r.Email = a != Restore, a.emailAfter(r.Email)
			return true
		}
	}
	return false
}
