package lead

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Course is a course of a user (LEAD LMS API, users/{user}/courses), with the fields that Usher
// may need. null becomes the zero value. Status is "published", among others.
type Course struct {
	ID          Number `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Status      string `json:"status"`
	Length      string `json:"length"` // 00:45:00
	Language    string `json:"language"`
	OpensAt     Time   `json:"opens_at"`
	ClosesAt    Time   `json:"closes_at"`
	DeletedAt   Time   `json:"deleted_at"`
	ImageURL    string `json:"image_url"`
	Pivot       struct {
		UserID      Number       `json:"user_id"`
		CourseID    Number       `json:"course_id"`
		TermID      Number       `json:"term_id"`
		StatusMask  Number       `json:"status_mask"` // 2 in the sample; the meaning is undocumented
		HasPaid     vendors.Flag `json:"has_paid"`
		CompletedAt Time         `json:"completed_at"`
		CreatedAt   Time         `json:"created_at"`
	} `json:"pivot"` // the enrolment
}

// Assignment is an assignment of a user.
type Assignment struct {
	ID               Number `json:"id"`
	Name             string `json:"name"`
	Description      string `json:"description"`       // HTML
	SubmissionOption string `json:"submission_option"` // wysiwyg
	DueDate          Time   `json:"due_date"`
	LearningPathID   Number `json:"learning_path_id"`
	LearningPathName string `json:"learning_path_name"`
	StatusLabel      string `json:"status_label"` // Submitted
	CompletionDate   Time   `json:"completion_date"`
	ViewURL          string `json:"view_url"`
}

// CourseContainer is a set of courses of a user.
type CourseContainer struct {
	ID           Number       `json:"id"`
	Name         string       `json:"name"`
	Description  string       `json:"description"` // HTML
	InstructorID Number       `json:"instructor_id"`
	Hidden       vendors.Flag `json:"hidden"`
	Premium      vendors.Flag `json:"premium"`
	CreatedAt    Time         `json:"created_at"`
	DeletedAt    Time         `json:"deleted_at"`
}

// Group is a group with the user as a member.
type Group struct {
	ID            Number `json:"id"`
	Name          string `json:"name"`
	ParentGroupID Number `json:"parent_group_id"`
	GroupTypeID   Number `json:"group_type_id"`
	DeletedAt     Time   `json:"deleted_at"`
	Pivot         struct {
		UserID    Number       `json:"user_id"`
		GroupID   Number       `json:"group_id"`
		IsManager vendors.Flag `json:"is_manager"`
		IsMember  vendors.Flag `json:"is_member"`
	} `json:"pivot"` // the membership
}

// Term is a period with a fixed set of courses and assignments.
type Term struct {
	ID          Number       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	StartDate   Time         `json:"start_date"`
	EndDate     Time         `json:"end_date"`
	Length      Number       `json:"length"` // days
	HasEnded    vendors.Flag `json:"has_ended"`
	IsUpcoming  vendors.Flag `json:"is_upcoming"`
	Pivot       struct {
		UserID    Number `json:"user_id"`
		TermID    Number `json:"term_id"`
		StartDate Time   `json:"term_start_date"`
		EndDate   Time   `json:"term_end_date"`
	} `json:"pivot"`
}

// UserCourses is GET api/users/{user}/courses (LEAD LMS API): the user's courses, without
// pages. No other call reads enrolments.
func (a *API) UserCourses(ctx context.Context, user int) ([]Course, error) {
	var out struct {
		Courses []Course `json:"courses"`
	}
	err := a.read(ctx, "list courses", user, "courses", &out)
	return out.Courses, err
}

// UserAssignments is GET api/users/{user}/assignments (LEAD LMS API).
func (a *API) UserAssignments(ctx context.Context, user int) ([]Assignment, error) {
	var out struct {
		Assignments []Assignment `json:"assignments"`
	}
	err := a.read(ctx, "list assignments", user, "assignments", &out)
	return out.Assignments, err
}

// UserCourseContainers is GET api/users/{user}/course-containers (LEAD LMS API).
func (a *API) UserCourseContainers(ctx context.Context, user int) ([]CourseContainer, error) {
	var out struct {
		Containers []CourseContainer `json:"course_containers"`
	}
	err := a.read(ctx, "list course containers", user, "course-containers", &out)
	return out.Containers, err
}

// UserGroups is GET api/users/{user}/groups (LEAD LMS API).
func (a *API) UserGroups(ctx context.Context, user int) ([]Group, error) {
	var out struct {
		Groups []Group `json:"groups"`
	}
	err := a.read(ctx, "list groups", user, "groups", &out)
	return out.Groups, err
}

// UserTerms is GET api/users/{user}/terms (LEAD LMS API). The sample has the terms under
// "groups", probably by mistake; "terms" is read too.
func (a *API) UserTerms(ctx context.Context, user int) ([]Term, error) {
	var out struct {
		Groups []Term `json:"groups"`
		Terms  []Term `json:"terms"`
	}
	err := a.read(ctx, "list terms", user, "terms", &out)
	return append(out.Terms, out.Groups...), err
}

// read gets one of the user's lists into out.
func (a *API) read(ctx context.Context, op string, user int, list string, out any) error {
	return a.calls.Do(ctx, vendors.Call{Op: op, Method: http.MethodGet, Path: userPath(user) + "/" + list, Out: out})
}

// EnrollBy posts an enrolment to path, below the base URL, with {course} and {user} replaced by
// the ids, and with the body {"user_id":…,"course_id":…}. LEAD documents no such call; the
// owner of the tenant knows the path.
func (a *API) EnrollBy(ctx context.Context, path string, user, course int) error {
	call := route{http.MethodPost, path}.call("enroll", user, course)
	return a.calls.Do(ctx, call)
}

// UnenrollBy ends an enrolment by path, in the form of Config.UnenrollPath. A repeat has no
// further effect.
func (a *API) UnenrollBy(ctx context.Context, path string, user, course int) error {
	r, err := routeOf(path)
	if err != nil {
		return vendors.Fail(vendor, "unenroll", "the path "+err.Error())
	}
	call := r.call("unenroll", user, course)
	call.Repeatable = true
	return a.calls.Do(ctx, call)
}

// route is an undocumented call, known to the owner of the tenant.
type route struct {
	method string
	path   string // with {course} and {user}
}

// routeOf parses "DELETE path", or "path" for POST.
func routeOf(text string) (route, error) {
	r := route{http.MethodPost, text}
	if method, path, both := strings.Cut(text, " "); both {
		r = route{method, strings.TrimSpace(path)}
	}
	switch {
	case strings.Contains(r.path, "://"):
		return r, errors.New("is a whole URL, not a path below the base URL")
	case !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.method):
		return r, fmt.Errorf("begins with %.80q, not with POST, PUT, PATCH or DELETE", r.method)
	}
	return r, nil
}

// call returns the call for the ids. A DELETE has no body, because some servers reject one.
func (r route) call(op string, user, course int) vendors.Call {
	path := strings.NewReplacer("{course}", whole(course), "{user}", whole(user)).Replace(r.path)
	call := vendors.Call{Op: op, Method: r.method, Path: "/" + strings.TrimLeft(path, "/")}
	if r.method != http.MethodDelete {
		call.JSON = map[string]int{"user_id": user, "course_id": course}
	}
	return call
}
