package httpapi

import (
	"maps"
	"slices"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// kept is an account of a stand-in.
type kept struct {
	id, email, userID string
	fields            map[string]any // as sent
	off, staff        bool
}

// StandInAccount is an account of a stand-in.
type StandInAccount struct {
	ID, Email, UserID string
	Staff             bool
}

// Accounts returns all accounts, sorted by id.
func (s *StandIn) Accounts() (all []StandInAccount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		if a := s.accounts[id]; id != controlID {
			all = append(all, StandInAccount{a.id, a.email, a.userID, a.staff})
		}
	}
	return all
}

// Add adds an account that no call has made, of staff if the file can tell.
func (s *StandIn) Add(email string, staff bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	id := strconv.Itoa(s.last)
	s.accounts[id] = &kept{id: id, email: email, fields: map[string]any{}, staff: staff}
	if staff {
		p, err := s.engine.person(s.object(s.accounts[id]))
		s.accounts[id].staff = err == nil && p.staff && p.unknown == nil
	}
}

// Remove removes an account with an e-mail, and reports whether there is one.
func (s *StandIn) Remove(email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byEmail(email)
	if a != nil {
		delete(s.accounts, a.id)
	}
	return a != nil
}

// Twice returns the number of enrolments that were made again while they lasted.
func (s *StandIn) Twice() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.members {
		n += times - 1
	}
	return n
}

func memberKey(found map[string]string) string {
	return found["course.id"] + "/" + plainID(found["account.id"])
}

// merge lays the members of a body over the fields.
func (a *kept) merge(x sent) {
	if body, ok := x.body.(map[string]any); ok {
		maps.Copy(a.fields, body)
	}
	for name, list := range x.form {
		a.fields[name] = list[0]
	}
}

func (s *StandIn) byEmail(email string) *kept {
	for _, a := range s.accounts {
		if vendors.SameEmail(a.email, email) {
			return a
		}
	}
	return nil
}

// keep returns the account with an id, made if it is missing.
func (s *StandIn) keep(id string, x sent, found map[string]string) *kept {
	if s.accounts[id] == nil {
		s.accounts[id] = &kept{id: id, userID: found["user.id"], fields: map[string]any{}}
	}
	a := s.accounts[id]
	if email := found["user.email"]; email != "" {
		a.email = email
	}
	a.merge(x)
	return a
}
