package sandbox

import (
	"net/http"
	"strconv"
)

// place returns the index of the active enrolment, or -1.
func (m *moodle) place(user, course string) int {
	for i, e := range m.enrolled {
		if e.Active && e.UserID == user && e.CourseID == course {
			return i
		}
	}
	return -1
}

// enrolment returns user and course of a call, or answers with an exception.
func (m *moodle) enrolment(w http.ResponseWriter, r *http.Request) (user, course string, ok bool) {
	user, _ = first(r.PostForm, "enrolments", "userid")
	course, _ = first(r.PostForm, "enrolments", "courseid")
	n := positive(course, 0)
	switch {
	case !sized(r.PostForm, "enrolments"):
		m.refuse(w, "Missing required key in single structure: enrolments")
	case n < 2 || n > moodleCourses+1:
		m.except(w, "dml_missing_record_exception", "invalidrecord", "Can't find data record in database table course.")
	case m.user(user) == nil:
		m.except(w, "dml_missing_record_exception", "invaliduser", "Invalid user")
	default:
		return user, course, true
	}
	return "", "", false
}

// enrol enrols a user in the role of a student. A repeat updates the enrolment.
func (m *moodle) enrol(w http.ResponseWriter, r *http.Request) {
	user, course, ok := m.enrolment(w, r)
	if !ok {
		return
	}
	if role, _ := first(r.PostForm, "enrolments", "roleid"); positive(role, 0) == 0 {
		m.refuse(w, "Missing required key in single structure: roleid")
		return
	}
	if at := m.place(user, course); at >= 0 {
		m.enrolled[at].Applied++
	} else {
		m.enrolled = append(m.enrolled, Enrollment{UserID: user, CourseID: course, Active: true, Applied: 1})
	}
	answer(w, http.StatusOK, nil)
}

// unenrol ends an enrolment. Moodle takes the end of a missing enrolment without an error; a plugin
// may answer otherwise.
func (m *moodle) unenrol(w http.ResponseWriter, r *http.Request) {
	user, course, ok := m.enrolment(w, r)
	if !ok {
		return
	}
	switch at := m.place(user, course); {
	case at >= 0:
		m.enrolled[at].Active = false
		m.enrolled[at].Ended++
	case m.config.Switches.RepeatUnenroll != "ok":
		m.except(w, "moodle_exception", "usernotenrolled", "User is not enrolled")
		return
	}
	answer(w, http.StatusOK, nil)
}

func (m *moodle) coursesOf(w http.ResponseWriter, r *http.Request) {
	list := []object{}
	user := r.PostForm.Get("userid")
	if m.user(user) == nil {
		m.except(w, "dml_missing_record_exception", "invaliduser", "Invalid user")
		return
	}
	for _, e := range m.enrolled {
		if id, err := strconv.Atoi(e.CourseID); err == nil && e.Active && e.UserID == user {
			list = append(list, object{"id": id, "shortname": "Course " + e.CourseID, "fullname": "Course " + e.CourseID, "visible": 1})
		}
	}
	answer(w, http.StatusOK, list)
}
