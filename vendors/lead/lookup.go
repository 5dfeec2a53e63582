package lead

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// prober finds the look-up path of a tenant. On the wrong path every user seems missing, and
// would be created twice. The prober looks up the service account, or the first user of the
// list if the service account is no user of the tenant, and keeps the path that shows the user.
// One caller probes at a time while others wait.
type prober struct {
	api   *API
	email string // of the service account

	turn  chan struct{} // a mutex of capacity 1 for known and shown, with a wait that ends with ctx
	known LookupPath
	shown string // e-mail of a user shown on the known path
}

var errNoPath = &vendors.Error{
	Vendor: vendor, Op: "probe look-up paths", Class: vendors.Unusable,
	Message: "neither " + string(LookupDashed) + " nor " + string(LookupSlashed) + " shows the service account: no user can be looked up; check base_url",
}

func newProber(api *API, email string) *prober {
	p := &prober{api: api, email: email, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// path returns the look-up path of the tenant. Failures are not kept, nor is the path of a
// tenant without users, because both paths show nobody there.
func (p *prober) path(ctx context.Context) (LookupPath, error) {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	if p.known != "" {
		return p.known, nil
	}
	email := p.email
	path, err := p.probe(ctx, email)
	if errors.Is(err, errNoPath) {
		page, listErr := p.api.ListUsers(ctx, 1)
		shown := slices.IndexFunc(page.Users, func(u User) bool { return u.Email != "" && u.DeletedAt.IsZero() })
		switch {
		case listErr != nil || page.Page <= 0 || page.Users == nil:
			return "", err
		case len(page.Users) == 0:
			return LookupDashed, nil
		case shown < 0:
			return "", err
		}
		email = page.Users[shown].Email
		path, err = p.probe(ctx, email)
	}
	p.known, p.shown = path, email
	return path, err
}

// shows returns an error unless the known path shows a user at present. In a tenant without users,
// the list was just read.
func (p *prober) shows(ctx context.Context) error {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	path, email := p.known, p.shown
	p.turn <- struct{}{}
	if path == "" {
		return nil
	}
	u, err := p.api.LookUpUser(ctx, path, email)
	if err == nil && !vendors.SameEmail(u.Email, email) {
		err = errNoPath
	}
	return err
}

// probe looks up the e-mail on both paths. A temporary failure on one path is returned only if
// the other path does not show the user.
func (p *prober) probe(ctx context.Context, email string) (LookupPath, error) {
	var unsure error
	for _, path := range []LookupPath{LookupDashed, LookupSlashed} {
		u, err := p.api.LookUpUser(ctx, path, email)
		switch class := vendors.ClassOf(err); {
		case err == nil && vendors.SameEmail(u.Email, email):
			return path, nil
		case err != nil && class == vendors.Unusable:
			return "", err
		case err != nil && class == vendors.Again && unsure == nil:
			unsure = err
		}
	}
	if unsure != nil {
		return "", unsure
	}
	return "", errNoPath
}

// byEmail looks up the normalized e-mail, and then the e-mail of the event: LEAD does not
// document whether case matters.
func (a *Adapter) byEmail(ctx context.Context, path LookupPath, email string) (User, error) {
	u, err := a.api.lookUp(ctx, path, vendors.NormalEmail(email), a.lookup.shows)
	if vendors.IsGone(err) && email != vendors.NormalEmail(email) {
		return a.api.lookUp(ctx, path, email, a.lookup.shows)
	}
	return u, err
}

// user returns the account's user by a look-up or from the list, or vendors.ErrNotFound.
func (a *Adapter) user(ctx context.Context, target vendors.Account, id int) (User, error) {
	u, err := a.glance(ctx, target, id)
	if err != nil && (errors.Is(err, vendors.ErrNotFound) || vendors.ClassOf(err) == vendors.Permanent) {
		return a.walk(ctx, id)
	}
	return u, err
}

// glance returns the account's user by a look-up, or vendors.ErrNotFound. LEAD documents no
// call by id. The look-up by e-mail, if the event has one, and the undocumented call by id
// count only if they show this id. A miss proves nothing. If either call is rejected, glance
// returns that error.
func (a *Adapter) glance(ctx context.Context, target vendors.Account, id int) (User, error) {
	tries := []func() (User, error){func() (User, error) { return a.api.GuessUser(ctx, id) }}
	if target.Email != "" {
		path, err := a.lookup.path(ctx)
		if err != nil {
			return User{}, err
		}
		tries = append([]func() (User, error){func() (User, error) {
			u, err := a.byEmail(ctx, path, target.Email)
			if err == nil && u.ID <= 0 {
				err = &vendors.Error{Vendor: vendor, Op: "look up user", Unreadable: true, Message: "the response has no user"}
			}
			return u, err
		}}, tries...)
	}
	answer := vendors.ErrNotFound
	for _, try := range tries {
		u, err := try()
		switch {
		case err == nil && int(u.ID) == id:
			return u, nil
		case err != nil && vendors.ClassOf(err) != vendors.Permanent:
			return User{}, err
		case err != nil && !vendors.IsGone(err):
			answer = err
		}
	}
	return User{}, answer
}

// walk returns the user with the id from the list, or vendors.ErrNotFound for a complete list
// without the user.
func (a *Adapter) walk(ctx context.Context, id int) (User, error) {
	found, there := User{}, false
	complete, err := a.each(ctx, func(u User) (more bool, _ error) {
		if there = int(u.ID) == id; there {
			found = u
		}
		return !there, nil
	})
	switch {
	case err != nil || there:
		return found, err
	case !complete:
		return User{}, &vendors.Error{Vendor: vendor, Op: "list users", Message: "the list changed during the reading"}
	default:
		return User{}, vendors.ErrNotFound
	}
}
