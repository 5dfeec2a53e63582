package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/usherhq/usher/vendors"
)

// Find returns the active account of u, or vendors.ErrNotFound. A disabled account counts as
// missing. Several accounts are an error of vendors.Only. The owner is the user id that the vendor shows.
func (e *engine) Find(ctx context.Context, u vendors.User) (vendors.Account, error) {
	if e.file.Account.Addressed {
		return vendors.Account{}, vendors.ErrNotFound
	}
	p, err := e.search(ctx, u)
	if err == nil && (p.off || p.deleted) {
		err = vendors.ErrNotFound
	}
	if err != nil {
		return vendors.Account{}, err
	}
	return p.account(), nil
}

// account returns the account with the owner.
func (p person) account() vendors.Account { return vendors.Account{ID: p.id, Owner: p.userID} }

// search returns the account of u, active or not, by the first look-up that finds one.
func (e *engine) search(ctx context.Context, u vendors.User) (person, error) {
	asked := false
	for i := range e.file.Find {
		hits, err := e.look(ctx, i, u)
		step := &e.file.Find[i]
		switch {
		case errors.Is(err, errNotApplicable):
			continue
		case err != nil && step.Optional && proves(err) && vendors.NormalEmail(u.Email) != "":
			continue
		case err != nil:
			return person{}, err
		case len(hits) > 0:
			return e.only(hits, step)
		}
		asked = asked || !step.Optional
	}
	if !asked && vendors.NormalEmail(u.Email) != "" {
		return person{}, vendors.Fail(e.file.Name, "find", "no look-up could be made for this user")
	}
	return person{}, vendors.ErrNotFound
}

// proves reports whether the error of an optional look-up is a refusal of the look-up, or an
// unreadable answer.
func proves(err error) bool {
	return vendors.IsRefused(err) || vendors.IsUnreadable(err) || vendors.IsGone(err) || vendors.StatusOf(err) == http.StatusNotImplemented
}

// errNotApplicable means that a look-up needs data missing from the user.
var errNotApplicable = errors.New("the look-up needs an e-mail")

// look makes one look-up, and returns the exact matches.
func (e *engine) look(ctx context.Context, i int, u vendors.User) ([]person, error) {
	step := &e.file.Find[i]
	if step.Match != matchUserID && vendors.NormalEmail(u.Email) == "" || step.Match == matchUserID && u.ID == "" {
		return nil, errNotApplicable
	}
	hits, err := e.hits(ctx, step, u)
	if err != nil || len(hits) > 0 || !step.Control.set() || e.proven[i].Load() {
		return hits, err
	}
	return nil, e.control(ctx, i)
}

// control returns an error unless a look-up shows the account known to exist.
func (e *engine) control(ctx context.Context, i int) error {
	step := &e.file.Find[i]
	email, err := e.scope(nil).text(step.Control)
	if err != nil || email == "" {
		return vendors.Fail(e.file.Name, "find", "the control of the look-up has no e-mail")
	}
	hits, err := e.hits(ctx, step, vendors.User{Email: email})
	if err == nil && len(hits) == 0 {
		err = &vendors.Error{
			Vendor: e.file.Name, Op: "find", Class: vendors.Unusable,
			Message: "the look-up does not show the account of the control, so a miss proves nothing; check base_url and the rights of the credentials",
		}
	}
	if err == nil {
		e.proven[i].Store(true)
	}
	return err
}

// hits returns the accounts of a look-up with the exact data of u: vendors compare by rules of their
// own.
func (e *engine) hits(ctx context.Context, step *Find, u vendors.User) (hits []person, err error) {
	collect := func(p person) {
		match := vendors.SameEmail(p.email, u.Email) && p.email != ""
		if step.Match == matchUserID {
			match = p.userID == u.ID
		}
		if match {
			hits = append(hits, p)
		}
	}
	s := e.scope(map[string]any{"user": userVar(u)})
	if step.Item.set() {
		p, err := e.one(ctx, step, s)
		if err == nil {
			collect(p)
		}
		if errors.Is(err, vendors.ErrNotFound) {
			err = nil
		}
		return hits, err
	}
	l := listing{op: "find", call: &step.Request, items: step.Items, total: step.Total, pages: step.Pages, scope: s}
	if step.InList {
		l = e.accounts("find")
	}
	err = e.each(ctx, l, func(p person) (bool, error) { collect(p); return true, nil })
	return hits, err
}

// one returns the account of a look-up that shows at most one, or vendors.ErrNotFound.
func (e *engine) one(ctx context.Context, step *Find, s *scope) (person, error) {
	r := request{op: "find", call: &step.Request, scope: s, reads: true, control: func(ctx context.Context) error { return e.shownBy(ctx, step) }}
	out, err := e.do(ctx, r)
	switch {
	case err != nil:
		return person{}, err
	case out.verdict == isNobody || out.verdict == isGone:
		return person{}, e.missing(ctx, out)
	}
	p, err := e.shown(out, step.Item)
	if err != nil {
		return person{}, e.unreadable(out, err.Error())
	}
	return p, nil
}

// shownBy returns an error unless a look-up shows the first account of the list, if any: an empty
// answer to every look-up means a fault of the vendor.
func (e *engine) shownBy(ctx context.Context, step *Find) error {
	first, err := e.first(ctx)
	if err != nil || first.id == "" {
		return err
	}
	s := e.scope(map[string]any{"user": userVar(vendors.User{ID: first.userID, Email: first.email})})
	out, err := e.do(ctx, request{op: "find", call: &step.Request, scope: s, reads: true})
	if err != nil || out.verdict != "" {
		return errors.Join(err, errNoAccount)
	}
	p, err := e.shown(out, step.Item)
	if err == nil && p.id != first.id {
		err = errNoAccount
	}
	return err
}

// only returns the only account of the hits; the only active one if others are disabled.
func (e *engine) only(hits []person, step *Find) (person, error) {
	var active []person
	for _, p := range hits {
		if !p.off && !p.deleted {
			active = append(active, p)
		}
	}
	if len(active) > 0 {
		hits = active
	}
	accounts := make([]vendors.Account, len(hits))
	for i, p := range hits {
		accounts[i].ID = p.id
	}
	_, err := vendors.Only(e.file.Name, step.key(), accounts)
	return hits[0], err
}

// key returns the key by which a look-up finds an account.
func (s *Find) key() string {
	if s.Match == matchUserID {
		return vendors.KeyID
	}
	return vendors.KeyEmail
}

// Create creates an account. After a refusal Create looks up the account once more: vendors report
// a taken e-mail in many ways. An answer without the account is looked up too.
func (e *engine) Create(ctx context.Context, from vendors.Origin, u vendors.User) (vendors.Account, error) {
	const op = "create"
	c := e.file.Create
	if !e.file.Account.Addressed && vendors.NormalEmail(u.Email) == "" {
		return vendors.Account{}, vendors.Fail(e.file.Name, op, "the event has no e-mail")
	}
	vars := map[string]any{"user": userVar(u), "origin": originVar(from)}
	repeat := c.Repeat
	if !e.file.Account.Addressed {
		repeat = repeatNever // a wrong word of the file must not make a second account: find decides
	}
	out, err := e.do(ctx, request{op: op, call: &c.Request, scope: e.scope(vars), repeat: repeat})
	switch {
	case e.file.Account.Addressed && out.verdict == isTaken, e.file.Account.Addressed && err == nil:
		return vendors.Account{ID: u.ID}, nil
	case e.file.Account.Addressed:
		return vendors.Account{}, err
	case out.verdict == isTaken || out.verdict == isPermanent || vendors.IsRefused(err):
		return e.taken(ctx, u, out, err)
	case err != nil:
		if vendors.IsUnreadable(err) {
			return e.found(ctx, u, err)
		}
		return vendors.Account{}, err
	}
	p, err := e.created(out, u)
	if err != nil {
		return e.found(ctx, u, e.unreadable(out, err.Error()))
	}
	return p.account(), nil
}

// created returns the account in the answer to a creation.
func (e *engine) created(out reply, u vendors.User) (person, error) {
	if !e.file.Create.Item.set() {
		return person{}, errNoAccount
	}
	p, err := e.shown(out, e.file.Create.Item)
	if err == nil && p.email != "" && !vendors.SameEmail(p.email, u.Email) && (u.ID == "" || p.userID != u.ID) {
		err = errors.New("the answer is not the requested account")
	}
	return p, err
}

// found returns the account of u, or the error of the creation if the vendor shows none.
func (e *engine) found(ctx context.Context, u vendors.User, failed error) (vendors.Account, error) {
	a, err := e.Find(ctx, u)
	if err != nil {
		return vendors.Account{}, failed
	}
	return a, nil
}

// taken returns the account behind a refused creation, or the refusal.
func (e *engine) taken(ctx context.Context, u vendors.User, out reply, refusal error) (vendors.Account, error) {
	p, err := e.search(ctx, u)
	account := p.account()
	switch {
	case errors.Is(err, vendors.ErrNotFound) && (out.verdict == isTaken || out.status == http.StatusConflict):
		failed := vendors.Fail(e.file.Name, "create", "the vendor has an account with this e-mail, and does not show the account").WithRemedy("let the vendor show it, or remove it")
		failed.Status = out.status
		return vendors.Account{}, failed
	case errors.Is(err, vendors.ErrNotFound):
		return vendors.Account{}, refusal
	case err != nil && vendors.IsUnknown(refusal):
		return vendors.Account{}, refusal
	case err != nil:
		return vendors.Account{}, err
	case !p.off && !p.deleted:
		account.Existed = true
		return account, nil
	case p.deleted || u.ID == "" || p.userID != u.ID || len(e.file.Enable) == 0:
		return vendors.Account{}, vendors.Fail(e.file.Name, "create", "a disabled or deleted account has this e-mail").WithRemedy("enable or remove the account at the vendor")
	}
	return account, e.Enable(ctx, vendors.Origin{}, account)
}

// AccountOf returns the account with our user id.
func (e *engine) AccountOf(userID string) vendors.Account { return vendors.Account{ID: userID} }
