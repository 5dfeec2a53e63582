package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"reflect"
	"strings"

	"github.com/usherhq/usher/vendors"
)

// Adapter makes the calls of a file. Its ports depend on the operations of the file: see
// vendors.Port.
type Adapter struct {
	engine *engine
}

// renewing is an engine whose enrolments may be repeated.
type renewing struct{ *engine }

// Renews marks Enroll as repeatable.
func (renewing) Renews() {}

var _ vendors.Composed = (*Adapter)(nil)

// Check makes the cheapest call that proves the credentials valid.
func (a *Adapter) Check(ctx context.Context) error { return a.engine.Check(ctx) }

// As sets a port that the file has the operations for.
func (a *Adapter) As(target any) bool {
	f, e := a.engine.file, a.engine
	switch port := target.(type) {
	case *vendors.Finder:
		return set[vendors.Finder](port, e, f.Create != nil || len(f.Find) > 0)
	case *vendors.Provisioner:
		return set[vendors.Provisioner](port, e, f.Create != nil)
	case *vendors.Updater:
		return set[vendors.Updater](port, e, len(f.Update) > 0)
	case *vendors.Deprovisioner:
		return set[vendors.Deprovisioner](port, e, len(f.Delete) > 0)
	case *vendors.Restorer:
		return set[vendors.Restorer](port, e, len(f.Restore) > 0)
	case *vendors.Disabler:
		return set[vendors.Disabler](port, e, len(f.Disable) > 0)
	case *vendors.Enroller:
		return set[vendors.Enroller](port, e, len(f.Enroll) > 0)
	case *vendors.Renewer:
		return set[vendors.Renewer](port, renewing{e}, f.renews())
	case *vendors.Unenroller:
		return set[vendors.Unenroller](port, e, len(f.Unenroll) > 0)
	case *vendors.EnrollmentReader:
		return set[vendors.EnrollmentReader](port, e, f.Enrolled != nil)
	case *vendors.Addresser:
		return set[vendors.Addresser](port, e, f.Account.isAddressed())
	case *vendors.Tracker:
		return set[vendors.Tracker](port, e, f.Track != nil)
	case *vendors.Lister:
		return set[vendors.Lister](port, e, f.List != nil && f.Show != nil)
	case *vendors.CourseLister:
		return set[vendors.CourseLister](port, e, f.Courses != nil)
	}
	return false
}

// set sets a port if the file has it.
func set[P any](port *P, value P, has bool) bool {
	if has {
		*port = value
	}
	return has
}

// renews reports whether every call of an enrolment may be repeated, and updates the enrolment.
func (f *File) renews() bool {
	for _, c := range f.Enroll {
		if c.Repeat != repeatSafe && c.Repeat != repeatKeyed {
			return false
		}
	}
	return len(f.Enroll) > 0
}

// open returns the adapter of a file, with the values of the settings.
func open(f *File, s vendors.Settings, values map[string]any, secrets []vendors.Secret) (*Adapter, error) {
	e := &engine{file: f, set: values, needs: f.needs(), proven: make([]flag, len(f.Find))}
	s.BaseURL = cmp.Or(s.BaseURL, f.BaseURL)
	o := s.Options()
	o.Refused = masked(o.Refused, secrets)
	auth, err := e.newAuth(o, secrets)
	if err != nil {
		return nil, err
	}
	if f.Auth != nil && f.Auth.Basic != nil {
		user, _ := e.scope(nil).text(f.Auth.Basic.User)
		password, _ := e.scope(nil).text(f.Auth.Basic.Password)
		secrets = append(secrets, vendors.Secret(base64.StdEncoding.EncodeToString([]byte(user+":"+password))))
	}
	e.calls = vendors.NewClient(f.Name, o, auth, secrets...)
	return &Adapter{e}, nil
}

// masked returns a function that reports a refused call without the secrets, which some APIs want in
// a query or a form.
func masked(refused func(vendors.Request), secrets []vendors.Secret) func(vendors.Request) {
	if refused == nil {
		return nil
	}
	return func(r vendors.Request) {
		for _, s := range secrets {
			if s == "" {
				continue
			}
			r.Path = strings.ReplaceAll(r.Path, s.Reveal(), s.String())
			r.Body = []byte(strings.ReplaceAll(string(r.Body), s.Reveal(), s.String()))
			for _, list := range r.Query {
				for i := range list {
					list[i] = strings.ReplaceAll(list[i], s.Reveal(), s.String())
				}
			}
		}
		refused(r)
	}
}

// needs are the members of the answer that the expressions of a file use: both cost time.
type needs struct{ text, header bool }

// needs returns the needs of all expressions of the file.
func (f *File) needs() (n needs) {
	n.look(reflect.ValueOf(f).Elem())
	return n
}

// look adds the needs of all expressions in a value.
func (n *needs) look(v reflect.Value) {
	if v.Type() == reflect.TypeFor[Expr]() {
		e, _ := v.Interface().(Expr)
		for _, m := range selected(e) {
			n.text = n.text || m == member{"answer", "text"}
			n.header = n.header || m == member{"answer", "header"}
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n.look(v.Elem())
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.IsExported() {
				n.look(value)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			n.look(v.Index(i))
		}
	case reflect.Map:
		for _, value := range v.Seq2() {
			n.look(value)
		}
	}
}
