package sandbox

import (
	"encoding/json"
	"strings"
)

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
	known.merge(u)
	known.Deleted = false
	known.Creates++
}

// update brings what is not empty up to date. It brings nobody back.
func (r *roster) update(u User) {
	known := r.find(u)
	known.merge(u)
	known.Updates++
}

// upsert makes the user where there is none, else it is an update.
func (r *roster) upsert(u User) {
	if r.find(u).Creates == 0 {
		r.create(u)
		return
	}
	r.update(u)
}

func (r *roster) restore(u User) {
	known := r.find(u)
	known.Deleted = false
	known.Restores++
}

// merge takes over what is not empty.
func (u *User) merge(in User) {
	for to, value := range map[*string]string{
		&u.Email: in.Email, &u.Name: in.Name, &u.Phone: in.Phone, &u.Locale: in.Locale, &u.TimeZone: in.TimeZone, &u.Attributes: in.Attributes,
	} {
		if value != "" {
			*to = value
		}
	}
}

func (r *roster) erase(u User) {
	known := r.find(u)
	known.Deleted = true
	known.Deletes++
}

// enroll puts the user into the course; a repeat is counted and changes nothing.
// One who has left gets a record of their new time.
func (r *roster) enroll(user, course string) {
	key := user + "\x00" + course
	place, ok := r.courses[key]
	if !ok || !r.enrolled[place].Active {
		if r.courses == nil {
			r.courses = map[string]int{}
		}
		place = len(r.enrolled)
		r.courses[key] = place
		r.enrolled = append(r.enrolled, Enrollment{UserID: user, CourseID: course, Active: true})
	}
	r.enrolled[place].Applied++
}

// leave takes the user out of the course, if they ever were in it.
func (r *roster) leave(user, course string) {
	if place, ok := r.courses[user+"\x00"+course]; ok {
		r.enrolled[place].Active = false
		r.enrolled[place].Ended++
	}
}

// attributes writes those of a body, in the order of their names; empty where there are none.
func attributes(of object) string {
	if len(of) == 0 {
		return ""
	}
	text, _ := json.Marshal(of) // came out of JSON
	return string(text)
}

func fullName(first, last string) string { return strings.TrimSpace(first + " " + last) }
