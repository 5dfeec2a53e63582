package sandbox

import "strings"

// roster is the users of a vendor that goes by our ids, and their enrolments.
type roster struct {
	users    []User
	enrolled []Enrollment
	places   map[string]int // in users, by id
	courses  map[string]int // places in enrolled, by user and course
}

// find returns the user, making a record where there is none.
func (r *roster) find(u User) *User {
	place, ok := r.places[u.ID]
	if !ok {
		if r.places == nil {
			r.places = map[string]int{}
		}
		place = len(r.users)
		r.places[u.ID] = place
		r.users = append(r.users, u)
	}
	return &r.users[place]
}

// create makes the user, or brings what is not empty up to date.
func (r *roster) create(u User) {
	known := r.find(u)
	if u.Email != "" {
		known.Email = u.Email
	}
	if u.Name != "" {
		known.Name = u.Name
	}
	known.Deleted = false
	known.Creates++
}

func (r *roster) erase(u User) {
	known := r.find(u)
	known.Deleted = true
	known.Deletes++
}

// enroll puts the user into the course; a repeat is counted and changes nothing.
func (r *roster) enroll(user, course string) {
	key := user + "\x00" + course
	place, ok := r.courses[key]
	if !ok {
		if r.courses == nil {
			r.courses = map[string]int{}
		}
		place = len(r.enrolled)
		r.courses[key] = place
		r.enrolled = append(r.enrolled, Enrollment{UserID: user, CourseID: course, Active: true})
	}
	r.enrolled[place].Applied++
}

func fullName(first, last string) string { return strings.TrimSpace(first + " " + last) }
