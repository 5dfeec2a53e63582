// Package rules compiles and evaluates the rules of a team for one vendor: the users with an
// account (scope), and the data of an account (map). A rule is a CEL expression over user, the
// profile with the members of the event schemas, and event, with type, source and time.
package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/vendors"
)

// Config is the text of the rules of one vendor.
type Config struct {
	Scope string           // "": all users
	Map   map[string]Field // by name; an attribute is attributes.<name>
}

// Empty reports whether there is no rule.
func (c Config) Empty() bool { return c.Scope == "" && len(c.Map) == 0 }

// FaultError is a fault of one rule.
type FaultError struct {
	Key     string // such as scope or map.email
	Problem string
	Fix     string
}

// Error returns key, problem and correction.
func (f *FaultError) Error() string { return f.Key + ": " + f.Problem + "; " + f.Fix }

// Set is the compiled rules of one vendor. A Set is safe for concurrent use.
type Set struct {
	scope  *rule // nil: all users
	fields []field
}

// field is one field of the mapping.
type field struct {
	name     string
	creation bool // set at creation only
	value    *rule
}

// rule is one compiled expression.
type rule struct {
	key     string
	program *expression.Program
	members []string // members of user that the expression needs
	names   []string // all members of user in the expression
}

// Fields returns the names of the fields of a mapping, without attributes.
func Fields() []string {
	return []string{"email", "first_name", "last_name", "locale", "time_zone", "phone"}
}

// New compiles rules. The error joins a *FaultError for each faulty rule.
func New(c Config) (*Set, error) {
	env, err := expression.NewEnv(
		cel.Variable("user", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
	)
	if err != nil {
		return nil, err
	}
	s := &Set{}
	var faults []error
	if c.Scope != "" {
		if s.scope, err = compile(env, "scope", c.Scope, "true or false", cel.BoolKind); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Map)) {
		f, err := compileField(env, name, c.Map[name])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		s.fields = append(s.fields, f)
	}
	return s, errors.Join(faults...)
}

func compileField(env *cel.Env, name string, c Field) (field, error) {
	key := "map." + name
	attribute, isAttribute := strings.CutPrefix(name, "attributes.")
	switch {
	case !slices.Contains(Fields(), name) && (!isAttribute || attribute == ""):
		return field{}, &FaultError{key, "is no field of an account", "want one of: " + strings.Join(Fields(), ", ") + ", attributes.<name>"}
	case c.At != "" && c.At != AtCreate:
		return field{}, &FaultError{key, "has an unknown at", "want at: " + AtCreate + ", or leave at out to set the field at each update too"}
	}
	var err error
	f := field{name: name, creation: c.At == AtCreate}
	if isAttribute {
		f.value, err = compile(env, key, c.Value, "a JSON value")
	} else {
		f.value, err = compile(env, key, c.Value, "a text", cel.StringKind)
	}
	return f, err
}

// compile compiles one rule with a value of one of the kinds; without kinds, of any kind.
func compile(env *cel.Env, key, text, want string, kinds ...cel.Kind) (*rule, error) {
	program, err := expression.Compile(env, text)
	if err != nil {
		return nil, &FaultError{key, err.Error(), "write user.name for a member of the user, 'name' in quotes for a text"}
	}
	out := program.AST.OutputType()
	if out.TypeName() == "optional_type" && len(out.Parameters()) == 1 {
		out = out.Parameters()[0]
	}
	if len(kinds) > 0 && out.Kind() != cel.DynKind && !slices.Contains(kinds, out.Kind()) {
		return nil, &FaultError{key, "yields " + out.String(), "want an expression with " + want}
	}
	needed, all := members(program)
	return &rule{key, program, needed, all}, nil
}

// HasScope reports whether only some users have an account.
func (s *Set) HasScope() bool { return s.scope != nil }

// InScope reports whether the user has an account.
func (s *Set) InScope(p handlers.Profile, e events.Event) (bool, error) {
	if s.scope == nil {
		return true, nil
	}
	in, err := input(p, e)
	if err != nil {
		return false, err
	}
	value, err := s.scope.eval(in)
	if err != nil {
		return false, err
	}
	yes, ok := value.(bool)
	if !ok {
		return false, &handlers.RuleError{Rule: s.scope.key, Problem: "yields neither true nor false for the user"}
	}
	return yes, nil
}

// Map changes the user given to the vendor. A field of the mapping without a value, null or "",
// is left out, so that the vendor keeps the present value.
func (s *Set) Map(p handlers.Profile, e events.Event, u vendors.User, creating bool) (vendors.User, error) {
	if len(s.fields) == 0 {
		return u, nil
	}
	in, err := input(p, e)
	if err != nil {
		return u, err
	}
	attributes := map[string]any{}
	if user, ok := in["user"].(map[string]any); ok {
		if inner, ok := user["attributes"].(map[string]any); ok {
			maps.Copy(attributes, inner)
		}
	}
	for _, f := range s.fields {
		var value any
		if creating || !f.creation {
			if value, err = f.value.eval(in); err != nil {
				return u, err
			}
		}
		if name, ok := strings.CutPrefix(f.name, "attributes."); ok {
			delete(attributes, name)
			if value != nil {
				attributes[name] = value
			}
			continue
		}
		if err := f.set(&u, value); err != nil {
			return u, err
		}
	}
	u.Attributes = nil
	if len(attributes) > 0 {
		if u.Attributes, err = json.Marshal(attributes); err != nil {
			return u, &handlers.RuleError{Rule: "map", Problem: "yields a value that JSON lacks"}
		}
	}
	return u, nil
}

// set sets a field of the user other than an attribute.
func (f field) set(u *vendors.User, value any) error {
	text, ok := value.(string)
	if !ok && value != nil {
		return &handlers.RuleError{Rule: f.value.key, Problem: "yields another value than a text for the user"}
	}
	*map[string]*string{
		"email": &u.Email, "first_name": &u.FirstName, "last_name": &u.LastName, "locale": &u.Locale, "time_zone": &u.TimeZone, "phone": &u.Phone,
	}[f.name] = text
	return nil
}

// hasMember reports whether a user has a member, such as email or attributes.role. A member of a missing
// member counts as present: the missing one is named.
func hasMember(user map[string]any, name string) bool {
	name, inner, nested := strings.Cut(name, ".")
	value, ok := user[name]
	if !nested || !ok {
		return ok != nested
	}
	members, isMap := value.(map[string]any)
	_, ok = members[inner]
	return ok || !isMap
}

// eval evaluates the rule. An error names the missing members.
func (r *rule) eval(in map[string]any) (any, error) {
	value, err := r.program.Eval(in)
	if err == nil {
		return value, nil
	}
	user, _ := in["user"].(map[string]any)
	var missing []string
	for _, name := range r.members {
		if !hasMember(user, name) {
			missing = append(missing, "user."+name)
		}
	}
	problem := err.Error()
	if len(missing) > 0 {
		problem = fmt.Sprintf("cannot be evaluated: the user has no %s; write user.?%s.orValue('') for a member that may be missing",
			strings.Join(missing, ", "), strings.TrimPrefix(missing[0], "user."))
	}
	return nil, &handlers.RuleError{Rule: r.key, Problem: problem}
}
