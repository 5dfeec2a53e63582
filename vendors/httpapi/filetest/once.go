package filetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/httpapi"
)

const (
	people   = 12 // users of a trial
	attempts = 60 // of one effect: a worker has hours
)

// faulty carries calls to a stand-in, and spoils every third: an answer is lost after the change, or
// the stand-in is overloaded or broken.
type faulty struct {
	standIn *httpapi.StandIn
	chance  *rand.Rand
	lost    int
	off     bool // whether no call is spoiled
}

var errLost = errors.New("the answer was lost")

// RoundTrip makes a call.
func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	kind := f.chance.IntN(12)
	switch {
	case f.off || kind > 3:
	case kind == 0:
		w.WriteHeader(http.StatusTooManyRequests)
		return answer(w, r), nil
	case kind == 1:
		w.WriteHeader(http.StatusInternalServerError)
		return answer(w, r), nil
	default:
		f.standIn.ServeHTTP(w, r)
		f.lost++
		return nil, errLost
	}
	f.standIn.ServeHTTP(w, r)
	return answer(w, r), nil
}

// answer returns a recorded answer to a request.
func answer(w *httptest.ResponseRecorder, r *http.Request) *http.Response {
	res := w.Result()
	res.Request = r
	return res
}

// free is a limiter without limits.
type free struct{}

func (free) Wait(context.Context, time.Time) error { return nil }
func (free) Answered()                             {}
func (free) Penalize(time.Duration)                {}
func (free) Rest() time.Duration                   { return 0 }
func (free) Rate() (float64, bool)                 { return 0, false }

// Once carries out the life of some users against a stand-in that loses answers, and returns the
// changes made twice, or not at all. Run Once on the virtual time of testing/synctest: some reads wait
// before they are repeated. The trial runs with a stand-in that takes a second account with the
// same e-mail, and with a stand-in that refuses the account.
func Once(f *httpapi.File) (faults []string) {
	able := Able(f)
	for _, strict := range []bool{false, true} {
		for seed := range uint64(2) {
			t := newTrial(f, strict, seed)
			t.able = able
			t.run()
			faults = append(faults, t.faults...)
		}
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

// trial is one run.
type trial struct {
	file    *httpapi.File
	net     *faulty
	adapter vendors.Adapter
	faults  []string
	able    map[string]error // by operation: the error without faults
	dry     bool             // whether able is being learnt
}

func newTrial(f *httpapi.File, strict bool, seed uint64) *trial {
	standIn := httpapi.NewStandIn(f)
	standIn.Strict = strict
	t := &trial{file: f, net: &faulty{standIn: standIn, chance: rand.New(rand.NewPCG(seed, 7))}}
	var err error
	t.adapter, err = adapter(f, vendors.Settings{BaseURL: "http://stand-in.test", Timeout: time.Second, HTTP: t.net, Limiter: free{}, SingleAttempt: true})
	if err != nil {
		t.fault("the adapter cannot be made: %v", err)
	}
	return t
}

func (t *trial) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

func user(n int) vendors.User {
	return vendors.User{ID: fmt.Sprintf("user-%d", n), Email: fmt.Sprintf("person%d@example.org", n), FirstName: "Person", LastName: fmt.Sprint("No", n)}
}

func origin(n int) vendors.Origin {
	return vendors.Origin{Key: fmt.Sprintf("%032x", n), At: time.Date(2026, 3, 1, 12, 0, n%60, 0, time.UTC)}
}

// run creates, changes, enrols and removes users.
func (t *trial) run() {
	p, creates := vendors.Port[vendors.Provisioner](t.adapter)
	if t.adapter == nil || !creates || t.able["create"] != nil {
		return
	}
	var accounts []vendors.Account
	for n := range people {
		a, err := t.create(p, n)
		if err != nil {
			t.fault("create: %v", err)
			return
		}
		accounts = append(accounts, a)
	}
	if got := t.net.standIn.Accounts(); len(got) != people {
		t.fault("create: the stand-in has %d accounts for %d users: some were made twice", len(got), people)
	}
	for n, a := range accounts {
		a.Email = user(n).Email
		t.change(n, a)
	}
	t.enrolments(accounts)
	t.removals(accounts)
}

// Able returns, for each operation, the error against a stand-in without faults: nil if the stand-in
// has answers that the file accepts.
func Able(f *httpapi.File) map[string]error {
	t := newTrial(f, false, 0)
	t.net.off = true
	t.able = map[string]error{}
	p, creates := vendors.Port[vendors.Provisioner](t.adapter)
	if !creates {
		return t.able
	}
	a, err := t.create(p, 0)
	t.able["create"] = err
	if err != nil {
		return t.able
	}
	t.dry = true
	a.Email = user(0).Email
	t.change(0, a)
	t.enrolments([]vendors.Account{a})
	t.removals([]vendors.Account{a})
	return t.able
}

// create creates one account as the worker does: a look before each attempt.
func (t *trial) create(p vendors.Provisioner, n int) (a vendors.Account, err error) {
	for range attempts {
		if a, err = p.Find(context.Background(), user(n)); errors.Is(err, vendors.ErrNotFound) {
			a, err = p.Create(context.Background(), origin(n), user(n))
		}
		if err == nil || vendors.ClassOf(err) == vendors.Unusable || vendors.ClassOf(err) == vendors.Permanent {
			return a, err
		}
	}
	return a, err
}

// again makes a change until it succeeds.
func (t *trial) again(op string, change func(context.Context) error) {
	if t.dry {
		t.able[op] = change(context.Background())
		return
	}
	if t.able[op] != nil {
		return
	}
	var err error
	for range attempts {
		if err = change(context.Background()); err == nil {
			return
		}
		if vendors.ClassOf(err) == vendors.Permanent && !errors.Is(err, vendors.ErrNotFound) {
			break
		}
	}
	t.fault("%s: %v", op, err)
}

// change updates, disables and enables an account.
func (t *trial) change(n int, a vendors.Account) {
	if p, ok := vendors.Port[vendors.Updater](t.adapter); ok {
		u := user(n)
		u.FirstName = "Changed"
		t.again("update", func(ctx context.Context) error { return p.Update(ctx, origin(100+n), a, u) })
	}
	if p, ok := vendors.Port[vendors.Disabler](t.adapter); ok {
		t.again("disable", func(ctx context.Context) error { return p.Disable(ctx, origin(200+n), a) })
		t.again("enable", func(ctx context.Context) error { return p.Enable(ctx, origin(300+n), a) })
	}
	if p, ok := vendors.Port[vendors.Tracker](t.adapter); ok && t.file.Repeats("track") {
		act := vendors.Activity{Origin: origin(400 + n), UserID: user(n).ID, Name: "lesson_completed", At: origin(n).At}
		t.again("track", func(ctx context.Context) error { return p.Track(ctx, act) })
	}
}

// enrolments enrols and unenrols each account. An enrolment that may not be repeated is asked for
// first, or made once.
func (t *trial) enrolments(accounts []vendors.Account) {
	p, ok := vendors.Port[vendors.Enroller](t.adapter)
	if !ok {
		return
	}
	reader, reads := vendors.Port[vendors.EnrollmentReader](t.adapter)
	reads = reads && t.able["enrolled"] == nil
	once := !reads && !t.file.Repeats("enroll")
	t.net.off = once || t.dry
	if t.dry && reads {
		t.able["enrolled"] = t.shows(accounts[0], p, reader)
		return
	}
	for n, a := range accounts {
		x := vendors.Enrollment{Origin: origin(500 + n), UserID: user(n).ID, Account: a, Email: user(n).Email, Course: vendors.Course{ID: course, Ours: "algebra"}}
		t.again("enroll", func(ctx context.Context) error {
			if reads {
				in, err := reader.Enrolled(ctx, a, x.Course)
				if err != nil || in {
					return err
				}
			}
			return p.Enroll(ctx, x)
		})
		if q, ok := vendors.Port[vendors.Unenroller](t.adapter); ok && n%2 == 0 {
			t.again("unenroll", func(ctx context.Context) error { return q.Unenroll(ctx, x) })
		}
	}
	t.net.off = t.dry
	if twice := t.net.standIn.Twice(); twice > 0 && !t.file.Repeats("enroll") {
		t.fault("enroll: %d enrolments were made twice", twice)
	}
}

// The call enrolled must tell an enrolment from none.
var (
	errToldIn  = errors.New("enrolled is true for an account that is not in the course")
	errToldOut = errors.New("enrolled is false for an account in the course")
)

// shows enrols and unenrols an account without faults. The error is that of enrolled, which must tell
// each state.
func (t *trial) shows(a vendors.Account, p vendors.Enroller, reader vendors.EnrollmentReader) error {
	x := vendors.Enrollment{Origin: origin(500), UserID: user(0).ID, Account: a, Email: user(0).Email, Course: vendors.Course{ID: course, Ours: "algebra"}}
	told := func(want bool, wrong error) error {
		in, err := reader.Enrolled(context.Background(), a, x.Course)
		if err == nil && in != want {
			err = wrong
		}
		return err
	}
	err := told(false, errToldIn)
	t.again("enroll", func(ctx context.Context) error { return p.Enroll(ctx, x) })
	if t.able["enroll"] == nil {
		err = cmp.Or(err, told(true, errToldOut))
	}
	q, ok := vendors.Port[vendors.Unenroller](t.adapter)
	if !ok {
		return err
	}
	t.again("unenroll", func(ctx context.Context) error { return q.Unenroll(ctx, x) })
	if t.able["unenroll"] == nil {
		err = cmp.Or(err, told(false, errToldIn))
	}
	return err
}

// removals deletes every account.
func (t *trial) removals(accounts []vendors.Account) {
	p, ok := vendors.Port[vendors.Deprovisioner](t.adapter)
	if !ok {
		return
	}
	for n, a := range accounts {
		a.Email = user(n).Email
		t.again("delete", func(ctx context.Context) error { return p.Delete(ctx, origin(600+n), a) })
	}
	if t.dry || t.able["delete"] != nil {
		return
	}
	t.net.off = true
	if left := t.net.standIn.Accounts(); len(left) > 0 && !strings.Contains(strings.Join(t.faults, " "), "delete") && t.deletes() {
		t.fault("delete: %d accounts are left", len(left))
	}
}

// deletes reports whether a deletion removes an account, instead of disabling the account.
func (t *trial) deletes() bool {
	d, ok := vendors.Port[vendors.Lister](t.adapter)
	if !ok {
		return true
	}
	live := 0
	err := d.List(context.Background(), func(one vendors.Listed) error {
		if !one.Deleted {
			live++
		}
		return nil
	})
	return err == nil && live > 0
}
