package lead

import (
	"context"
	"errors"
	"slices"

	"github.com/usherhq/usher/vendors"
)

// prober finds out which look-up path a tenant has. On the wrong one every user
// seems not to be there, and would be created twice. It asks for the service
// account, or for the first user of the list where that account is no user of
// the tenant, and remembers a path that shows them. One caller asks while the
// others wait.
type prober struct {
	api   *API
	email string // of the service account

	turn  chan struct{} // holds one: whoever has it may read and change known
	known LookupPath
}

var errNoPath = &vendors.Error{
	Vendor: vendor, Op: "probe look-up paths", Class: vendors.Unusable,
	Message: "neither " + string(LookupDashed) + " nor " + string(LookupSlashed) + " shows the service account, so that no user could be looked up",
}

func newProber(api *API, email string) *prober {
	p := &prober{api: api, email: email, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// path returns the tenant's look-up path. A failure is not remembered, nor is
// the path of a tenant without users: there, either shows nobody, rightly.
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
	path, err := p.probe(ctx, p.email)
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
		path, err = p.probe(ctx, page.Users[shown].Email)
	}
	p.known = path
	return path, err
}

// probe asks for the address on both paths. A path that fails in passing says
// nothing, so that its failure is returned only where the other path is not the
// right one.
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

// byEmail looks an address up as we send it, and where that finds nobody, as the
// event has it: whether LEAD minds the case is not documented.
func (a *Adapter) byEmail(ctx context.Context, path LookupPath, email string) (User, error) {
	u, err := a.api.LookUpUser(ctx, path, vendors.NormalEmail(email))
	if vendors.IsGone(err) && email != vendors.NormalEmail(email) {
		return a.api.LookUpUser(ctx, path, email)
	}
	return u, err
}

// user finds the account's user, or returns vendors.ErrNotFound: by a look-up, or
// else on all pages.
func (a *Adapter) user(ctx context.Context, target vendors.Account, id int) (User, error) {
	u, err := a.glance(ctx, target, id)
	if err != nil && (errors.Is(err, vendors.ErrNotFound) || vendors.ClassOf(err) == vendors.Permanent) {
		return a.walk(ctx, id)
	}
	return u, err
}

// glance looks for the account's user, or returns vendors.ErrNotFound. LEAD
// documents no call that goes by id: the look-up by e-mail, where the event has
// one, and the undocumented call are believed only where they show this very user.
// That they do not, proves nothing; where one of them is refused, that is the error.
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
				err = &vendors.Error{Vendor: vendor, Op: "look up user", Message: "the answer has no user"}
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

// walk reads the pages until it has met id. Where somebody may have been passed
// over, nobody counts as gone.
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
		return User{}, &vendors.Error{Vendor: vendor, Op: "list users", Message: "the list changed while it was read"}
	default:
		return User{}, vendors.ErrNotFound
	}
}
