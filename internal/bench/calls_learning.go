package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/vendors/sandbox"
)

// password is what vendors want for an account that nobody logs in to by it.
const password = "Aa1-bench-bench-bench" //nolint:gosec // opens nothing

// identity is how Miestro and MagLoft name what they made.
type identity struct {
	ID int `json:"id"`
}

func (c *caller) miestro(ctx context.Context, e *bareEvent) error {
	const base = "/miestro/api/v1.0"
	a := c.of(e)
	user := fmt.Sprintf("%s/users/%d", base, a.id)
	switch e.Type {
	case events.UserCreated:
		var made identity
		search := url.Values{"count": {"100"}, "page": {"1"}, "query[]": {"search=" + e.Data.Email}, "sortBy": {"id:asc"}}
		err := c.all(
			ctx,
			request{method: http.MethodGet, path: base + "/users?" + search.Encode()},
			request{method: http.MethodPost, path: base + "/users", out: &made, json: map[string]any{
				"email": e.Data.Email, "name": e.Data.FirstName + " " + e.Data.LastName, "password": password, "role": 0,
			}},
		)
		a.id = made.ID
		return err
	case events.EnrollmentRequested:
		course := theirs("miestro", e)
		return c.all(
			ctx,
			request{method: http.MethodGet, path: fmt.Sprintf("%s/courses/%d", base, course)},
			request{method: http.MethodPost, path: user + "/enroll", json: map[string]int{"course_id": course}},
		)
	default:
		defer c.gone(e)
		return c.all(ctx, request{method: http.MethodGet, path: user}, request{method: http.MethodDelete, path: user})
	}
}

func (c *caller) lead(ctx context.Context, e *bareEvent) error {
	const base = "/lead/api"
	a := c.of(e)
	lookup := request{method: http.MethodGet, path: base + "/users/email-lookup?" + url.Values{"email": {e.Data.Email}}.Encode(), absent: true}
	switch e.Type {
	case events.UserCreated:
		var made struct {
			User identity `json:"user"`
		}
		err := c.all(ctx, lookup, request{method: http.MethodPost, path: base + "/users", out: &made, form: url.Values{
			"disable_notifications": {"1"}, "email": {e.Data.Email}, "first_name": {e.Data.FirstName}, "language": {"en-US"},
			"last_name": {e.Data.LastName}, "password": {password}, "role": {"learner"}, "time_zone": {"UTC"},
		}})
		a.id = made.User.ID
		return err
	case events.EnrollmentRequested:
		course := theirs("lead", e)
		in := request{method: http.MethodGet, path: fmt.Sprintf("%s/users/%d/courses", base, a.id)}
		return c.all(ctx, in, request{
			method: http.MethodPost, path: fmt.Sprintf("%s/courses/%d/users/%d", base, course, a.id),
			json: map[string]int{"course_id": course, "user_id": a.id},
		}, in)
	default:
		defer c.gone(e)
		return c.all(ctx, lookup, request{method: http.MethodDelete, path: fmt.Sprintf("%s/users/%d", base, a.id)})
	}
}

func (c *caller) magloft(ctx context.Context, e *bareEvent) error {
	const (
		readers       = "/magloft/api/portal/v1/readers/" + sandbox.MagLoftAppID
		subscriptions = "/magloft/api/portal/v1/custom_subscriptions/" + sandbox.MagLoftAppID
	)
	a := c.of(e)
	reader := request{method: http.MethodGet, path: fmt.Sprintf("%s/%d", readers, a.id)}
	subscription := request{method: http.MethodGet, path: subscriptions + "/" + e.Data.Email, absent: true}
	list := "/page/1?" + url.Values{"filter": {e.Data.Email}, "order_by": {"id"}, "order_dir": {"asc"}, "per_page": {"100"}}.Encode()
	byEmail := request{method: http.MethodGet, path: readers + "/" + e.Data.Email, absent: true}
	var made identity
	switch e.Type {
	case events.UserCreated:
		err := c.all(
			ctx,
			byEmail,
			request{method: http.MethodGet, path: readers + list},
			request{method: http.MethodPost, path: readers, out: &made, json: map[string]any{
				"confirmation": false, "custom_data": map[string]string{"external_id": e.Data.UserID},
				"email": e.Data.Email, "lastname": e.Data.LastName, "name": e.Data.FirstName,
			}},
		)
		a.id = made.ID
		return err
	case events.EnrollmentRequested:
		a.courses = append(a.courses, theirs("magloft", e))
		looks := []request{reader, subscription}
		if a.subscription == 0 { // nobody has it by any way
			looks = append(looks, request{method: http.MethodGet, path: subscriptions + list}, byEmail)
		}
		err := c.all(ctx, append(looks, request{method: http.MethodPost, path: subscriptions, out: &made, json: map[string]any{
			"active": true, "classification_ids": a.courses, "confirmation": false, "email": e.Data.Email,
			"start_date": e.Time.Format("2006-01-02"), "upsert": true,
		}})...)
		a.subscription = made.ID
		return err
	default:
		defer c.gone(e)
		return c.all(
			ctx, reader, subscription,
			request{method: http.MethodPut, path: fmt.Sprintf("%s/%d", subscriptions, a.subscription), json: map[string]bool{"active": false}},
			request{method: http.MethodDelete, path: fmt.Sprintf("%s/%d", readers, a.id)},
		)
	}
}
