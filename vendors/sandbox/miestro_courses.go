package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
)

// paginate returns a page in the form of Laravel's paginator at Miestro: per_page is a string,
// and the links have neither filters nor count.
func paginate[T any](items []T, r *http.Request) object {
	page, size := positive(r.URL.Query().Get("page"), 1), positive(r.URL.Query().Get("count"), 15)
	last := max(1, int(math.Ceil(float64(len(items))/float64(size))))
	path := "https://api.miestro.com/api/v1.0" + r.URL.Path
	link := func(n int) any {
		if n < 1 || n > last {
			return nil
		}
		return fmt.Sprintf("%s?page=%d", path, n)
	}
	shown := append([]T{}, span(items, page, size)...)
	var from, to any
	if len(shown) > 0 {
		from, to = (page-1)*size+1, (page-1)*size+len(shown)
	}
	return object{
		"current_page": page, "data": shown, "first_page_url": link(1), "from": from,
		"last_page": last, "last_page_url": link(last), "next_page_url": link(page + 1), "path": path,
		"per_page": strconv.Itoa(size), "prev_page_url": link(page - 1), "to": to, "total": len(items),
	}
}

// miestroCourse returns the document's sample course with another id. Courses with an odd id
// are published.
func miestroCourse(id int) object {
	return object{
		"id": id, "name": fmt.Sprintf("Course %d", id), "subtitle": nil, "is_published": 2 - id%2, "show_course": 1,
		"description": "Default Course Description", "picture_src": "https://miestro.com/images/defaults/thumbnail.png",
		"thumbnail_image": "https://miestro.com/images/defaults/thumbnail.png", "logo": "https://miestro.com/images/defaults/course-logo.png",
		"url": fmt.Sprintf("course-%d", id), "landing_url": fmt.Sprintf("landing-%d", id), "landing_custom_url": nil, "is_custom_url": 0,
		"bio_description": nil, "seo_title": nil, "seo_description": nil, "seo_keywords": nil, "finish_message": nil,
		"thank_you_page": 1, "thank_you_page_url": "https://miestro.com/thanks", "thank_you_title": nil, "thank_you_message": nil,
		"thank_you_title_show": 0, "thank_you_message_show": 0, "thank_you_button_text_color": "#fff", "thank_you_button_bg_color": "#3f4f65",
		"thank_you_button_text": "Continue", "thank_you_button_font_size": nil, "is_rated_on": 1, "rated_ids": []string{"62", "63"},
		"created_at": "2020-08-27 10:15:16",
	}
}

func (m *miestro) listCourses(w http.ResponseWriter, r *http.Request) {
	filters := miestroFilters(r)
	var hits []object
	for id := 1; id <= miestroCourses; id++ {
		course := miestroCourse(id)
		status := strconv.Itoa(course["is_published"].(int))
		if containsFold(course["name"].(string), filters.Get("search")) && (filters.Get("status") == "" || filters.Get("status") == status) {
			hits = append(hits, course)
		}
	}
	answer(w, http.StatusOK, paginate(hits, r))
}

func (m *miestro) showCourse(w http.ResponseWriter, r *http.Request) {
	id := positive(r.PathValue("id"), 0)
	if id < 1 || id > miestroCourses {
		missing(w, "Course", r.PathValue("id"))
		return
	}
	answer(w, http.StatusOK, miestroCourse(id))
}

func (m *miestro) enroll(w http.ResponseWriter, r *http.Request, u *miestroUser) {
	var in struct {
		CourseID number `json:"course_id"`
	}
	if !decode(r, &in) {
		invalid(w, http.StatusUnprocessableEntity, "course_id", "The course id must be a number.")
		return
	}
	m.put(w, u, int(in.CourseID))
}

func (m *miestro) enrollCourse(w http.ResponseWriter, r *http.Request) {
	var in struct {
		UserID number `json:"user_id"`
	}
	if !decode(r, &in) {
		invalid(w, http.StatusUnprocessableEntity, "user_id", "The user id must be a number.")
		return
	}
	u := m.user(int(in.UserID))
	if u == nil || u.deleted {
		missing(w, "User", strconv.Itoa(int(in.UserID)))
		return
	}
	m.put(w, u, positive(r.PathValue("id"), 0))
}

// put enrols the user, or follows the switch for a repeat.
func (m *miestro) put(w http.ResponseWriter, u *miestroUser, course int) {
	if course < 1 || course > miestroCourses {
		missing(w, "Course", strconv.Itoa(course))
		return
	}
	at, unheard := m.enrollment(u, course), 0
	if _, gone := w.(discard); gone {
		unheard = 1
	}
	switch {
	case at < 0 || m.config.Switches.RepeatEnroll == "second":
		m.enrolled = append(m.enrolled, Enrollment{UserID: strconv.Itoa(u.ID), CourseID: strconv.Itoa(course), Active: true, Applied: 1, Lost: unheard})
	default:
		m.enrolled[at].Applied++
		m.enrolled[at].Lost += unheard
		if m.config.Switches.RepeatEnroll == "error" {
			answer(w, http.StatusUnprocessableEntity, object{"message": "User is already enrolled in this course."})
			return
		}
	}
	answer(w, http.StatusOK, object{})
}

// enrollment returns the index of the active enrolment, or -1.
func (m *miestro) enrollment(u *miestroUser, course int) int {
	for i, e := range m.enrolled {
		if e.Active && e.UserID == strconv.Itoa(u.ID) && e.CourseID == strconv.Itoa(course) {
			return i
		}
	}
	return -1
}

func (m *miestro) unroll(w http.ResponseWriter, r *http.Request, u *miestroUser) {
	var in struct {
		CourseID number `json:"course_id"`
	}
	if !decode(r, &in) {
		invalid(w, http.StatusUnprocessableEntity, "course_id", "The course id must be a number.")
		return
	}
	course := int(in.CourseID)
	if course < 1 || course > miestroCourses {
		missing(w, "Course", strconv.Itoa(course))
		return
	}
	if at := m.enrollment(u, course); at >= 0 {
		m.enrolled[at].Active = false
		m.enrolled[at].Ended++
		answer(w, http.StatusOK, object{})
		return
	}
	m.config.Switches.notEnrolled(w, object{})
}

// notEnrolled answers the end of a missing enrolment like Laravel; done is the response for
// success.
func (s Switches) notEnrolled(w http.ResponseWriter, done object) {
	switch s.RepeatUnenroll {
	case "error":
		answer(w, http.StatusUnprocessableEntity, object{"message": "User is not enrolled in this course."})
	case "404":
		missing(w, "Enrollment", "")
	default:
		answer(w, http.StatusOK, done)
	}
}
