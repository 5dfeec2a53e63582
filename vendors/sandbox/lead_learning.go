package sandbox

import (
	"net/http"
	"strconv"
)

// courses answers with the user's enrolments, including duplicates by the switch.
func (l *lead) courses(w http.ResponseWriter, _ *http.Request, u *leadUser) {
	courses := []object{}
	for _, e := range l.enrolled {
		if e.Active && e.UserID == strconv.Itoa(u.ID) {
			courses = append(courses, l.course(positive(e.CourseID, 0), u))
		}
	}
	answer(w, http.StatusOK, object{"courses": courses})
}

// course returns the document's sample course with another id.
func (l *lead) course(id int, u *leadUser) object {
	return object{
		"id": id, "name": "Course " + strconv.Itoa(id), "type": nil, "description": "A course of the sandbox.",
		"status": "published", "length": "00:45:00", "language": nil, "hidden": 0, "premium": 0, "opens_at": nil,
		"closes_at": nil, "created_at": u.CreatedAt, "updated_at": u.CreatedAt, "deleted_at": nil,
		"class_name": `App\Models\Course`, "image_url": "https://lead.example.org/images/course.png", "is_actionable": true,
		"pivot": object{
			"user_id": u.ID, "course_id": id, "term_id": nil, "credit_id": nil, "status_mask": 2, "has_paid": 0,
			"completed_at": nil, "created_at": u.CreatedAt, "updated_at": u.CreatedAt, "is_bookmarked": false,
		},
		"featured_image": object{},
	}
}

// assignments, containers, groups and terms answer with one sample record each, like the
// document. No call of Usher changes them.
func (l *lead) assignments(w http.ResponseWriter, _ *http.Request, u *leadUser) {
	answer(w, http.StatusOK, object{"assignments": []object{{
		"id": 3, "description": "<p>Write.</p>", "submission_option": "wysiwyg", "language": nil, "created_at": u.CreatedAt,
		"updated_at": u.CreatedAt, "deleted_at": nil, "name": "Reflection", "due_date": nil, "learning_path_id": 2,
		"learning_path_name": "Formation", "status_label": "Submitted", "completion_date": nil,
		"view_url": "https://lead.example.org/assignments/3", "class_name": `App\Models\Assignment`, "featured_image": object{},
	}}})
}

func (l *lead) containers(w http.ResponseWriter, _ *http.Request, u *leadUser) {
	answer(w, http.StatusOK, object{"course_containers": []object{{
		"id": 34, "name": "Container", "description": "<p>Courses.</p>", "instructor_id": 86, "objectives": []any{}, "hidden": 0,
		"premium": 0, "created_at": u.CreatedAt, "updated_at": u.CreatedAt, "deleted_at": nil,
		"class_name": `App\Models\CourseContainer`, "featured_image": object{},
	}}})
}

func (l *lead) groups(w http.ResponseWriter, _ *http.Request, u *leadUser) {
	answer(w, http.StatusOK, object{"groups": []object{{
		"id": 56, "name": "Mentees", "parent_group_id": nil, "group_type_id": 11, "created_at": u.CreatedAt,
		"updated_at": u.CreatedAt, "deleted_at": nil, "class_name": `App\Models\Group`,
		"pivot":          object{"user_id": u.ID, "group_id": 56, "is_manager": 0, "is_member": 1},
		"featured_image": nil,
	}}})
}

// terms answers under the key groups, like the document's sample.
func (l *lead) terms(w http.ResponseWriter, _ *http.Request, u *leadUser) {
	answer(w, http.StatusOK, object{"groups": []object{{
		"id": 2, "name": "Term One", "description": "A term of the sandbox.", "start_date": nil, "end_date": nil, "length": 200,
		"created_at": u.CreatedAt, "updated_at": u.CreatedAt, "deleted_at": nil, "has_ended": false, "is_upcoming": false,
		"pivot": object{
			"user_id": u.ID, "term_id": 2, "id": 1862,
			"term_start_date": "2022-06-02T00:00:00.000000Z", "term_end_date": "2022-11-29T00:00:00.000000Z",
		},
	}}})
}

// withCourse finds the user and the course that the path names.
func (l *lead) withCourse(next func(w http.ResponseWriter, u *leadUser, course int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, course := l.user(r.PathValue("learner")), positive(r.PathValue("course"), 0)
		switch {
		case u == nil || u.DeletedAt != nil:
			missing(w, "User", r.PathValue("learner"))
		case course < 1 || course > leadCourses:
			missing(w, "Course", r.PathValue("course"))
		default:
			next(w, u, course)
		}
	}
}

// enroll is documented nowhere: the call that a tenant's owner might know of.
func (l *lead) enroll(w http.ResponseWriter, u *leadUser, course int) {
	if known := l.enrollment(u, course); known != nil && l.config.Switches.RepeatEnroll != "second" {
		known.Applied++
		if l.config.Switches.RepeatEnroll == "error" {
			invalid(w, http.StatusUnprocessableEntity, "user_id", "The user is already enrolled in this course.")
			return
		}
		answer(w, http.StatusOK, object{"message": "User is enrolled"})
		return
	}
	l.enrolled = append(l.enrolled, Enrollment{UserID: strconv.Itoa(u.ID), CourseID: strconv.Itoa(course), Active: true, Applied: 1})
	answer(w, http.StatusOK, object{"message": "User is enrolled"})
}

// enrolment returns the user's enrolment in the course, nil where there is none.
func (l *lead) enrollment(u *leadUser, course int) *Enrollment {
	for i := range l.enrolled {
		e := &l.enrolled[i]
		if e.Active && e.UserID == strconv.Itoa(u.ID) && e.CourseID == strconv.Itoa(course) {
			return e
		}
	}
	return nil
}

// unenroll is documented nowhere, as enroll is not.
func (l *lead) unenroll(w http.ResponseWriter, u *leadUser, course int) {
	done := object{"message": "User is no longer enrolled"}
	e := l.enrollment(u, course)
	if e == nil {
		l.config.Switches.notEnrolled(w, done)
		return
	}
	e.Active = false
	e.Ended++
	answer(w, http.StatusOK, done)
}
