package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// withCourse admits calls for an existing course.
func (c *canvas) withCourse(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if n := positive(r.PathValue("course"), 0); n < 1 || n > canvasCourses {
			c.absent(w)
			return
		}
		next(w, r)
	}
}

// resource returns the enrolment in Canvas' form.
func (e canvasEnrollment) resource() object {
	return object{
		"id": e.id, "course_id": positive(e.CourseID, 0), "user_id": positive(e.UserID, 0), "type": "StudentEnrollment", "role": "StudentEnrollment", "enrollment_state": e.state,
	}
}

// enroll enrols a user. The answer to a repeat is the present enrolment; an ended enrolment becomes
// active again.
func (c *canvas) enroll(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Enrollment struct {
			User json.RawMessage `json:"user_id"`
			Type string          `json:"type"`
		} `json:"enrollment"`
	}
	if !decode(r, &in) || in.Enrollment.Type == "" {
		answer(w, http.StatusBadRequest, object{"message": "No enrollment parameters or type"})
		return
	}
	user, course := strings.Trim(string(in.Enrollment.User), `"`), r.PathValue("course")
	if n := positive(user, 0); n < 1 || n > len(c.users) || c.users[n-1].deleted {
		c.absent(w)
		return
	}
	at := slices.IndexFunc(c.enrolled, func(e canvasEnrollment) bool { return e.UserID == user && e.CourseID == course && e.state != "deleted" })
	if at < 0 {
		at = len(c.enrolled)
		c.enrolled = append(c.enrolled, canvasEnrollment{id: 5000 + at, Enrollment: Enrollment{UserID: user, CourseID: course}})
	}
	if !c.enrolled[at].Active {
		c.enrolled[at].Applied = 0
	}
	c.enrolled[at].state, c.enrolled[at].Active = "active", true
	c.enrolled[at].Applied++
	answer(w, http.StatusOK, c.enrolled[at].resource())
}

// listEnrollments answers with the enrolments of a course; the query may select a user and states.
func (c *canvas) listEnrollments(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	states := query["state[]"]
	if len(states) == 0 {
		states = []string{"active", "invited"}
	}
	var list []object
	for _, e := range c.enrolled {
		if e.CourseID == r.PathValue("course") && slices.Contains(states, e.state) && (query.Get("user_id") == "" || query.Get("user_id") == e.UserID) {
			list = append(list, e.resource())
		}
	}
	c.page(w, r, list)
}

// endEnrollment concludes, deactivates or deletes an enrolment by the enrolment's id.
func (c *canvas) endEnrollment(w http.ResponseWriter, r *http.Request) {
	states := map[string]string{"": "completed", "conclude": "completed", "delete": "deleted", "deactivate": "inactive", "inactivate": "inactive"}
	state, known := states[r.URL.Query().Get("task")]
	at := slices.IndexFunc(c.enrolled, func(e canvasEnrollment) bool {
		return strconv.Itoa(e.id) == r.PathValue("number") && e.CourseID == r.PathValue("course") && e.state != "deleted"
	})
	switch {
	case !known:
		answer(w, http.StatusBadRequest, object{"message": "task is not valid"})
	case at < 0:
		c.absent(w)
	default:
		c.enrolled[at].state, c.enrolled[at].Active = state, false
		c.enrolled[at].Ended++
		answer(w, http.StatusOK, c.enrolled[at].resource())
	}
}
