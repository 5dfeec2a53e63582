package httpapi

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// kept is an account of a stand-in.
type kept struct {
	id, email, userID string
	fields            map[string]any // as sent
	off, staff        bool

	creates, updates, deletes int // calls
}

// StandInAccount is an account of a stand-in.
type StandInAccount struct {
	ID, Email, UserID         string
	Staff, Off, Deleted       bool
	Creates, Updates, Deletes int // calls
}

func (a *kept) shown(deleted bool) StandInAccount {
	return StandInAccount{a.id, a.email, a.userID, a.staff, a.off, deleted, a.creates, a.updates, a.deletes}
}

// Accounts returns all accounts, sorted by id.
func (s *StandIn) Accounts() (all []StandInAccount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		if a := s.accounts[id]; id != controlID {
			all = append(all, a.shown(false))
		}
	}
	return all
}

// Deleted returns the deleted accounts, in the order of deletion.
func (s *StandIn) Deleted() (all []StandInAccount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.deleted {
		all = append(all, a.shown(true))
	}
	return all
}

// StandInEnrollment is an enrolment at a stand-in.
type StandInEnrollment struct {
	Account, Course string
	Active          bool
	Times           int // calls that made or ended the enrolment
}

// Enrollments returns the present enrolments, and then the ended ones, sorted by course and account.
func (s *StandIn) Enrollments() (all []StandInEnrollment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, active := range []bool{true, false} {
		times := map[bool]map[string]int{true: s.members, false: s.left}[active]
		for _, key := range slices.Sorted(maps.Keys(times)) {
			course, account, _ := strings.Cut(key, "/")
			all = append(all, StandInEnrollment{account, course, active, times[key]})
		}
	}
	return all
}

// StandInActivity is an activity at a stand-in. Key and At are empty unless the query or the body has
// the value.
type StandInActivity struct {
	Key, UserID, Name, At string
	Times                 int // calls with the key
}

// Activities returns the activities in the order of first calls.
func (s *StandIn) Activities() []StandInActivity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tracked)
}

// track keeps an activity.
func (s *StandIn) track(found map[string]string) {
	key := found["origin.key"]
	i := slices.IndexFunc(s.tracked, func(a StandInActivity) bool { return key != "" && a.Key == key })
	if i < 0 {
		i = len(s.tracked)
		s.tracked = append(s.tracked, StandInActivity{Key: key, UserID: found["user.id"], Name: found["activity.name"], At: found["activity.at"]})
	}
	s.tracked[i].Times++
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
	a.creates++
	if email := found["user.email"]; email != "" {
		a.email = email
	}
	a.merge(x)
	return a
}
