package miestro

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Status is whether a course is published (Miestro API v1.0, Get List of Courses).
type Status int

// The statuses of a course.
const (
	Published   Status = 1
	Unpublished Status = 2
)

// UnmarshalJSON reads 1 and "1".
func (s *Status) UnmarshalJSON(b []byte) error { return (*vendors.Int)(s).UnmarshalJSON(b) }

// Course is a course as Miestro shows it (Miestro API v1.0, Get a Specific
// Course). Flags are 0 or 1; what is null comes as the zero value.
type Course struct {
	ID                     vendors.Int     `json:"id"`
	Name                   string          `json:"name"`
	Subtitle               string          `json:"subtitle"`
	IsPublished            Status          `json:"is_published"`
	ShowCourse             vendors.Int     `json:"show_course"`
	Description            string          `json:"description"`
	PictureSrc             string          `json:"picture_src"`
	ThumbnailImage         string          `json:"thumbnail_image"`
	Logo                   string          `json:"logo"`
	URL                    string          `json:"url"`
	LandingURL             string          `json:"landing_url"`
	LandingCustomURL       string          `json:"landing_custom_url"`
	IsCustomURL            vendors.Int     `json:"is_custom_url"`
	BioDescription         string          `json:"bio_description"`
	SEOTitle               string          `json:"seo_title"`
	SEODescription         string          `json:"seo_description"`
	SEOKeywords            string          `json:"seo_keywords"`
	FinishMessage          string          `json:"finish_message"`
	ThankYouPage           vendors.Int     `json:"thank_you_page"`
	ThankYouPageURL        string          `json:"thank_you_page_url"`
	ThankYouTitle          string          `json:"thank_you_title"`
	ThankYouMessage        string          `json:"thank_you_message"`
	ThankYouTitleShow      vendors.Int     `json:"thank_you_title_show"`
	ThankYouMessageShow    vendors.Int     `json:"thank_you_message_show"`
	ThankYouButtonColor    string          `json:"thank_you_button_text_color"`
	ThankYouButtonBGColor  string          `json:"thank_you_button_bg_color"`
	ThankYouButtonText     string          `json:"thank_you_button_text"`
	ThankYouButtonFontSize json.RawMessage `json:"thank_you_button_font_size"` // null in the sample; the type is undocumented
	IsRatedOn              vendors.Int     `json:"is_rated_on"`
	RatedIDs               []string        `json:"rated_ids"` // of users
	CreatedAt              string          `json:"created_at"`
}

// ListCourses is GET /courses (Miestro API v1.0, Get List of Courses): one page of courses.
func (a *API) ListCourses(ctx context.Context, q Query) (Page[Course], error) {
	return list[Course](ctx, a, "list courses", "/courses", q)
}

// GetCourse is GET /courses/{id} (Miestro API v1.0, Get a Specific Course).
func (a *API) GetCourse(ctx context.Context, courseID int) (Course, error) {
	var c Course
	err := a.calls.Do(ctx, vendors.Call{Op: "get course", Method: http.MethodGet, Path: id("/courses", courseID), Out: &c})
	return c, err
}

// courseThere returns an error unless the course exists. The response is not decoded: the
// adapter needs no field, and an unexpected field must not stop an enrolment.
func (a *API) courseThere(ctx context.Context, courseID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "get course", Method: http.MethodGet, Path: id("/courses", courseID)})
}

// EnrollInCourse is POST /courses/{id}/enroll (Miestro API v1.0, Courses, Enroll User to a
// Course): EnrollUser by another path. The adapter uses EnrollUser, which other known clients
// use too.
func (a *API) EnrollInCourse(ctx context.Context, courseID, userID int) error {
	return a.calls.Do(ctx, vendors.Call{
		Op: "enroll in course", Method: http.MethodPost, Path: id("/courses", courseID) + "/enroll", JSON: map[string]int{"user_id": userID},
		NoContent: new(bool), Out: new(done),
	})
}
