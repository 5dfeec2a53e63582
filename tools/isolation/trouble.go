package isolation

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// trouble raises the trouble of a line.
type trouble struct {
	*world

	ctx context.Context //nolint:containedctx // of one call of Line.begin, which ends with it
}

// sick is a part of the id and e-mail of every user in trouble, and of no other.
const sick = "sick-"

func user(i int) *scenario.User {
	id := sick + strconv.Itoa(i)
	return &scenario.User{ID: id, Email: id + "@example.org", First: "Eve", Last: "Dahl"}
}

// enrolNobody enrolls users without an account, and waits until the vendor was
// asked for each.
func (t *trouble) enrolNobody(size int) error {
	for i := range size {
		t.writer.Enroll(user(i), "algebra")
	}
	return t.publishUntil(size, func(s sandbox.VendorState) int { return s.Calls["GET /users"] })
}

// failUsers creates users whom the vendor answers with 500.
func (t *trouble) failUsers(size int) error { return t.answerUsers(size, "500", "") }

// refuseOne creates a user whom the vendor answers with 403.
func (t *trouble) refuseOne(size int) error { return t.answerUsers(size, "403", "") }

// throttleUsers creates users whom the vendor answers with 429. The time of
// Retry-After is scaled as the limits are.
func (t *trouble) throttleUsers(size int) error {
	after := time.Minute / time.Duration(t.config.Factor)
	return t.answerUsers(size, "429", after.String())
}

// answerUsers creates users whom the vendor answers with a status, and waits until
// each was answered once.
func (t *trouble) answerUsers(size int, status, retryAfter string) error {
	err := t.control(t.ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "status": {status}, "retry_after": {retryAfter}})
	if err != nil {
		return err
	}
	for i := range size {
		t.writer.Create(user(i))
	}
	return t.publishUntil(size, func(s sandbox.VendorState) int { return s.Faults[sandbox.Troubled] })
}

// holdDeletions deletes more users than the safety stop lets pass.
func (t *trouble) holdDeletions(size int) error {
	for i := range size {
		t.writer.Delete(user(i))
	}
	return t.publish(t.ctx)
}

// slowUser updates one user, 20 ms a call.
func (t *trouble) slowUser(size int) error {
	if err := t.control(t.ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "delay": {"20ms"}}); err != nil {
		return err
	}
	u := user(0)
	t.writer.Create(u)
	for i := 1; i < size; i++ {
		t.rename(u, i)
	}
	return t.publishUntilBusy(size)
}

// rename updates a user with a name of its own.
func (t *trouble) rename(u *scenario.User, i int) {
	u.Last = "Dahl-" + strconv.Itoa(i)
	t.writer.Update(u)
}

// busyUser creates, updates and enrolls one user.
func (t *trouble) busyUser(size int) error {
	u := user(0)
	t.writer.Create(u)
	for i := 1; i < size; i++ {
		if i%2 == 0 {
			t.rename(u, i)
			continue
		}
		t.writer.Enroll(u, course(i))
	}
	return t.publishUntilBusy(size)
}

// enrolOneWithoutAccount enrolls a user without an account in many courses.
func (t *trouble) enrolOneWithoutAccount(size int) error {
	t.enrol(size)
	return t.publish(t.ctx)
}

// enrolOne creates a user and enrolls the user in many courses.
func (t *trouble) enrolOne(size int) error {
	t.writer.Create(user(0))
	t.enrol(size)
	return t.publishUntilBusy(size)
}

// enrol enrolls one user in many courses.
func (t *trouble) enrol(size int) {
	u := user(0)
	for i := range size {
		t.writer.Enroll(u, course(i))
	}
}

// track publishes activities, ten of each user.
func (t *trouble) track(size int) error {
	for i := range size {
		t.writer.Act(user(i/10), "lesson_viewed", 12)
	}
	return t.publishUntilBusy(size)
}

// replay makes dead letters of enrolments that the vendor refuses, and sends them
// back when the vendor has recovered. Between the users in trouble, ten enrolments
// each, come twice as many others: the vendor refuses few users, not all.
func (t *trouble) replay(size int) error {
	if err := t.control(t.ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "status": {"400"}}); err != nil {
		return err
	}
	for i := range size {
		t.writer.Enroll(user(i/10), course(i))
		if i%5 == 0 {
			t.writer.Create(&scenario.User{ID: fmt.Sprint("other-", i), Email: fmt.Sprintf("other-%d@example.org", i), First: "Bo", Last: "Ek"})
		}
	}
	if err := t.publish(t.ctx); err != nil {
		return err
	}
	failed := events.ResultSubject(events.ResultType(events.EnrollmentRequested, events.Failed), t.line.Vendor)
	stream, err := t.js.Stream(t.ctx, resultsStream)
	if err != nil {
		return err
	}
	err = t.until(t.ctx, 10*time.Minute, "every refused enrolment has failed", func() bool {
		info, err := stream.Info(t.ctx, jetstream.WithSubjectFilter(failed))
		return err == nil && info.State.Subjects[failed] >= uint64(size)
	})
	if err != nil {
		return err
	}
	if err := t.control(t.ctx, url.Values{"mode": {"trouble"}, "user": {sick}, "delay": {"100ms"}}); err != nil {
		return err
	}
	before, err := t.state(t.ctx)
	if err != nil {
		return err
	}
	err = t.command("dead", "replay", "--all", "--vendor", t.line.Vendor, "--max", strconv.Itoa(size), "--rate", "1000", "--reason", "isolation")
	if err != nil {
		return err
	}
	return t.until(t.ctx, 0, "a replay has reached the vendor", func() bool {
		now, err := t.state(t.ctx)
		return err == nil && calls(now) > calls(before)
	})
}

// command runs a command of usher to its end.
func (t *trouble) command(args ...string) error {
	p, err := process.Start(t.dir+"/command.log", t.environ, t.config.Binaries.Usher, args...)
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := t.until(t.ctx, 10*time.Minute, "the command has ended", p.Ended); err != nil {
		return err
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("usher %s: exit code %d: %s", args[0], code, p.Output())
	}
	return nil
}

// heldAfter is how many failures in a row put a vendor on hold by default
// (docs/configuration.md).
const heldAfter = 20

// comeBack publishes creations while the vendor is down, and waits until the
// vendor is back and was called again.
func (t *trouble) comeBack(size int) error {
	if err := t.control(t.ctx, url.Values{"mode": {"down"}}); err != nil {
		return err
	}
	for i := range size {
		t.writer.Create(user(i))
	}
	err := t.publishUntil(heldAfter, func(s sandbox.VendorState) int { return s.Faults[sandbox.Down] })
	if err != nil {
		return err
	}
	if err := t.control(t.ctx, url.Values{"mode": {"ok"}}); err != nil {
		return err
	}
	before, err := t.state(t.ctx)
	if err != nil {
		return err
	}
	return t.until(t.ctx, 0, "the vendor is called again", func() bool {
		now, err := t.state(t.ctx)
		return err == nil && len(now.Users) > len(before.Users)
	})
}

// reserve is for how long a vendor's rate may be exceeded after a rest.
const reserve = 5 * time.Second

// publishUntilBusy publishes the trouble, and waits until the vendor has got a fifth
// of its calls, or as many as use up the reserve of its rate.
func (t *trouble) publishUntilBusy(size int) error {
	n := min(size/5, rates[t.line.Vendor]*t.config.Factor*int(reserve/time.Second))
	return t.publishUntil(n, calls)
}

// calls returns how many calls the vendor has got.
func calls(s sandbox.VendorState) (sum int) {
	for _, n := range s.Calls {
		sum += n
	}
	return sum
}

// publishUntil publishes the trouble, and waits until the count of the stand-in has
// grown by n, at most as long as the rate of the vendor needs for n calls.
func (t *trouble) publishUntil(n int, count func(sandbox.VendorState) int) error {
	before, err := t.state(t.ctx)
	if err != nil {
		return err
	}
	if err := t.publish(t.ctx); err != nil {
		return err
	}
	limit := time.Second + time.Duration(n)*time.Second/time.Duration(rates[t.line.Vendor]*t.config.Factor)
	err = t.until(t.ctx, min(limit, t.config.Settle), "the vendor has seen the trouble", func() bool {
		now, err := t.state(t.ctx)
		return err == nil && count(now) >= count(before)+n
	})
	// A core that holds the vendor, or lets retries go first, never gets that far.
	return errors.Join(t.alive(), t.ctx.Err(), t.unseen(err, before, count))
}

// unseen returns err if the vendor has seen nothing of the trouble at all.
func (t *trouble) unseen(err error, before sandbox.VendorState, count func(sandbox.VendorState) int) error {
	if err == nil {
		return nil
	}
	now, failed := t.state(t.ctx)
	if failed == nil && count(now) > count(before) {
		return nil
	}
	return errors.Join(err, failed)
}
