package sandbox

import (
	"encoding/json"
	"strings"
)

// userStore has the users and enrolments of a vendor with our user ids.
type userStore struct {
	users    []User
	enrolled []Enrollment
	places   map[string]int // index in users, by id
	courses  map[string]int // index in enrolled, by user and course
}

// find returns the user, after adding a record if necessary.
func (r *userStore) find(u User) *User {
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

// create creates the user, or updates the user with the non-empty fields.
func (r *userStore) create(u User) {
	known := r.find(u)
	known.merge(u)
	known.Deleted = false
	known.Creates++
}

// update updates the user with the non-empty fields. A deleted user stays deleted.
func (r *userStore) update(u User) {
	known := r.find(u)
	known.merge(u)
	known.Updates++
}

// upsert creates a new user, or updates an existing user.
func (r *userStore) upsert(u User) {
	if r.find(u).Creates == 0 {
		r.create(u)
		return
	}
	r.update(u)
}

// restore restores the user.
func (r *userStore) restore(u User) {
	known := r.find(u)
	known.Deleted = false
	known.Restores++
}

// merge sets the non-empty fields of in.
func (u *User) merge(in User) {
	for to, value := range map[*string]string{
		&u.Email: in.Email, &u.Name: in.Name, &u.Phone: in.Phone, &u.Locale: in.Locale, &u.TimeZone: in.TimeZone, &u.Attributes: in.Attributes,
	} {
		if value != "" {
			*to = value
		}
	}
}

// erase marks the user deleted.
func (r *userStore) erase(u User) {
	known := r.find(u)
	known.Deleted = true
	known.Deletes++
}

// enroll enrols the user in the course. A repeat is counted and has no other effect. A user who
// left the course gets a new record.
func (r *userStore) enroll(user, course string) {
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

// leave removes the user from the course, if enrolled.
func (r *userStore) leave(user, course string) {
	if place, ok := r.courses[user+"\x00"+course]; ok {
		r.enrolled[place].Active = false
		r.enrolled[place].Ended++
	}
}

// attributes returns a JSON object as text, with sorted names, or "" if empty.
func attributes(of object) string {
	if len(of) == 0 {
		return ""
	}
	text, _ := json.Marshal(of) // of comes from JSON
	return string(text)
}

func fullName(first, last string) string { return strings.TrimSpace(first + " " + last) }
