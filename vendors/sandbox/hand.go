package sandbox

import (
	"fmt"
	"strings"
)

// Deed is what somebody does to a user by hand, in the vendor's own pages.
type Deed string

// The deeds.
const (
	Remove Deed = "remove" // as the vendor's own delete does
	Purge  Deed = "purge"  // for good, so that nothing keeps the address
	Revive Deed = "revive" // takes a removed one back
	Add    Deed = "add"    // makes a user
	Hire   Deed = "hire"   // makes one of the staff, where the vendor has such
)

// manual is a stand-in whose users can be seen to by hand.
type manual interface {
	// byHand does it to the user with the e-mail, and tells whether there is one.
	byHand(d Deed, email string) bool
}

// ByHand does something to a vendor's user behind the back of its API. It returns
// an error where the vendor or the user is not there.
func (s *Sandbox) ByHand(name string, d Deed, email string) error {
	for _, v := range s.vendors {
		if m, ok := v.standIn.(manual); ok && v.name() == name {
			v.landDue()
			if m.byHand(d, email) {
				return nil
			}
		}
	}
	return fmt.Errorf("%s has no such user, or none that is kept by hand", name)
}

// makes tells whether a deed makes a user, and not finds one.
func (d Deed) makes() bool { return d == Add || d == Hire }

// fits tells whether a deed can be done to a record.
func (d Deed) fits(email, wanted string, deleted bool) bool {
	return strings.EqualFold(email, wanted) && deleted == (d == Revive)
}

// left is the address that a record has after the deed.
func (d Deed) left(email string) string {
	if d == Purge {
		return ""
	}
	return email
}

func (m *miestro) byHand(d Deed, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.makes() {
		u := &miestroUser{ID: len(m.users) + 1, Name: "By Hand", Email: email, Version: 1, CreatedAt: m.config.now(), FullPicture: "https://miestro.com/images/account/user.png"}
		if d == Hire {
			u.Role = 3
		}
		m.users = append(m.users, u)
		return true
	}
	for _, u := range m.users {
		if d.fits(u.Email, email, u.deleted) {
			u.deleted, u.Email = d != Revive, d.left(u.Email)
			return true
		}
	}
	return false
}

func (m *meiro) byHand(d Deed, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.makes() {
		m.add(email, "by hand")
		return true
	}
	for i, u := range m.users {
		if d.fits(u.Email, email, u.Deleted) {
			u.Deleted = d != Revive
			if d == Purge {
				m.users = append(m.users[:i:i], m.users[i+1:]...)
			}
			return true
		}
	}
	return false
}

func (l *lead) byHand(d Deed, email string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.makes() {
		u := &leadUser{Email: email, Role: "learner", FirstName: "By", LastName: "Hand", Language: "en-US"}
		if d == Hire {
			u.Role = "global_leader"
		}
		l.add(u)
		return true
	}
	for _, u := range l.users {
		if d.fits(u.Email, email, u.DeletedAt != nil) {
			at := l.stamp()
			u.DeletedAt, u.Email = &at, d.left(u.Email)
			if d == Revive {
				u.DeletedAt = nil
			}
			return true
		}
	}
	return false
}

// byHand makes a reader where there are readers, else a client.
func (m *magloft) byHand(d Deed, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.makes() {
		if len(m.readers) > 0 {
			m.addReader(m.readers[0].app, magloftReaderWrite{Email: &email})
			return true
		}
		m.clients = append(m.clients, &magloftClient{ID: len(m.clients) + 1, Firstname: "By", Lastname: "Hand", Email: email, CreatedAt: m.config.now()})
		return true
	}
	for _, c := range m.clients {
		if d.fits(c.Email, email, c.deleted) {
			c.deleted, c.Email = d != Revive, d.left(c.Email)
			return true
		}
	}
	for _, r := range m.readers {
		if d.fits(r.Email, email, r.deleted) {
			r.deleted, r.Email = d != Revive, d.left(r.Email)
			return true
		}
	}
	return false
}
