package isolation

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/vendors/sandbox"
)

// sick is a part of the id and e-mail of every user in trouble, and of no other.
const sick = "sick-"

func user(i int) *scenario.User {
	id := sick + strconv.Itoa(i)
	return &scenario.User{ID: id, Email: id + "@example.org", First: "Eve", Last: "Dahl"}
}

// enrolNobody enrolls users without an account, and waits until usher has looked up each user at the
// vendor.
func enrolNobody(ctx context.Context, w *world, size int) error {
	for i := range size {
		w.Writer.Enroll(user(i), "algebra")
	}
	return w.publishUntil(ctx, size, func(s sandbox.VendorState) int { return s.Calls["GET /users"] })
}

// refuse creates users answered with 403 by the vendor, and waits for the same number of answers.
func refuse(ctx context.Context, w *world, size int) error {
	if err := createRefused(ctx, w, size, http.StatusForbidden); err != nil {
		return err
	}
	return w.publishUntil(ctx, size, func(s sandbox.VendorState) int { return s.Faults[sandbox.Troubled] })
}

// fail creates users answered with 500 by the vendor, and waits until each was tried once: before, a
// healthy user would wait behind equally new users.
func fail(ctx context.Context, w *world, size int) error {
	if err := createRefused(ctx, w, size, http.StatusInternalServerError); err != nil {
		return err
	}
	if err := w.Publish(ctx); err != nil {
		return err
	}
	return w.Until(ctx, patience, "every user was tried", func() bool { return w.worker.Metric(ctx, "usher_retries_waiting") >= float64(size) })
}

// throttle lets the vendor answer users with 429 and Retry-After. Each user was tried before and answered
// with 500: else a healthy user would wait behind equally new users, one probe after the other.
func throttle(ctx context.Context, w *world, size int) error {
	if err := fail(ctx, w, size); err != nil {
		return err
	}
	if err := w.trouble(ctx, http.StatusTooManyRequests, time.Minute); err != nil {
		return err
	}
	before, err := w.State(ctx)
	if err != nil {
		return err
	}
	const rest = 2 // answers in a row that begin a rest
	return w.Until(ctx, patience, "users are answered with 429", func() bool {
		now, err := w.State(ctx)
		return err == nil && now.Faults[sandbox.Troubled] >= before.Faults[sandbox.Troubled]+rest
	})
}

// createRefused writes the creations of users answered with a status by the vendor.
func createRefused(ctx context.Context, w *world, size, status int) error {
	for i := range size {
		w.Writer.Create(user(i))
	}
	return w.trouble(ctx, status, 0)
}

// trouble lets the vendor answer the sick users with a status. The factor divides the time of Retry-After,
// 0 for none, like the limits.
func (w *world) trouble(ctx context.Context, status int, retryAfter time.Duration) error {
	after := retryAfter / time.Duration(w.config.Factor)
	return w.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "status": {strconv.Itoa(status)}, "retry_after": {after.String()}})
}

// holdDeletions deletes more users than the deletion guard allows.
func holdDeletions(ctx context.Context, w *world, size int) error {
	for i := range size {
		w.Writer.Delete(user(i))
	}
	return w.Publish(ctx)
}

// slowUser updates one user repeatedly, with calls of 20 ms.
func slowUser(ctx context.Context, w *world, size int) error {
	if err := w.Control(ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "delay": {"20ms"}}); err != nil {
		return err
	}
	u := user(0)
	w.Writer.Create(u)
	for i := 1; i < size; i++ {
		rename(w, u, i)
	}
	return w.publishUntilBusy(ctx, size)
}

// rename updates a user with a new name.
func rename(w *world, u *scenario.User, i int) {
	u.Last = "Dahl-" + strconv.Itoa(i)
	w.Writer.Update(u)
}

// busyUser creates, updates and enrolls one user.
func busyUser(ctx context.Context, w *world, size int) error {
	u := user(0)
	w.Writer.Create(u)
	for i := 1; i < size; i++ {
		if i%2 == 0 {
			rename(w, u, i)
			continue
		}
		w.Writer.Enroll(u, course(i))
	}
	return w.publishUntilBusy(ctx, size)
}

// enrolOneWithoutAccount enrolls a user without an account in many courses.
func enrolOneWithoutAccount(ctx context.Context, w *world, size int) error {
	enrol(w, size)
	return w.Publish(ctx)
}

// enrolOne creates a user and enrolls the user in many courses.
func enrolOne(ctx context.Context, w *world, size int) error {
	w.Writer.Create(user(0))
	enrol(w, size)
	return w.publishUntilBusy(ctx, size)
}

// enrol enrolls one user in many courses.
func enrol(w *world, size int) {
	u := user(0)
	for i := range size {
		w.Writer.Enroll(u, course(i))
	}
}

// track publishes activities, ten per user.
func track(ctx context.Context, w *world, size int) error {
	for i := range size {
		w.Writer.Act(user(i/10), "lesson_viewed", 12)
	}
	return w.publishUntilBusy(ctx, size)
}

// comeBack publishes creations during an outage of the vendor. It returns once all of the creations wait
// for the vendor, and the hold is over.
func comeBack(ctx context.Context, w *world, size int) error {
	if err := w.Control(ctx, url.Values{"mode": {"down"}}); err != nil {
		return err
	}
	for i := range size {
		w.Writer.Create(user(i))
	}
	if err := w.Publish(ctx); err != nil {
		return err
	}
	if err := w.Until(ctx, patience, "the vendor is on hold", func() bool { return w.worker.Metric(ctx, "usher_vendor_on_hold") == 1 }); err != nil {
		return err
	}
	// An event that was not read during the hold is as fresh as that of a healthy user.
	if err := w.Until(ctx, patience, "all events wait for the vendor", func() bool { return w.worker.Metric(ctx, "usher_vendor_waiting") >= float64(size) }); err != nil {
		return err
	}
	if err := w.Control(ctx, url.Values{"mode": {"ok"}}); err != nil {
		return err
	}
	return w.Until(ctx, patience, "the vendor is back", func() bool { return w.worker.Metric(ctx, "usher_vendor_on_hold") == 0 })
}
