package rules

import (
	"bytes"
	"encoding/json"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/expression"
	"github.com/usherhq/usher/schemas"
)

// AtCreate is the Field.At of a field that is set at the creation of an account only.
const AtCreate = "create"

// Field is the rule of one field: an expression, or an expression and the time of its use.
type Field struct {
	Value string `yaml:"value" json:"value"`
	At    string `yaml:"at" json:"at,omitempty"` // AtCreate, or "": at each update too
}

// UnmarshalYAML reads an expression, or a mapping with value and at.
func (f *Field) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&f.Value)
	}
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if name := n.Content[i].Value; name != "value" && name != "at" {
			return &yaml.TypeError{Errors: []string{"unknown key " + name + ": the keys are value, at"}}
		}
	}
	type plain Field
	return n.Decode((*plain)(f))
}

// input returns the variables of an expression.
func input(p handlers.Profile, e events.Event) (map[string]any, error) {
	user, err := decoded(p)
	if err != nil {
		return nil, err
	}
	about := map[string]any{"type": e.Type(), "source": e.Source()}
	if !e.Time().IsZero() {
		about["time"] = e.Time()
	}
	return map[string]any{"user": user, "event": about}, nil
}

// decoded returns the data of a profile. Integers stay exact. The data are decoded once.
func decoded(p handlers.Profile) (any, error) {
	if p.Decoded != nil && *p.Decoded != nil {
		return *p.Decoded, nil
	}
	user := map[string]any{}
	if len(p.Data) > 0 {
		d := json.NewDecoder(bytes.NewReader(p.Data))
		d.UseNumber()
		if err := d.Decode(&user); err != nil {
			return nil, &handlers.RuleError{Rule: "user", Problem: "the profile of the user cannot be read"}
		}
	}
	exact := expression.Numbers(user)
	if m, ok := exact.(map[string]any); ok && p.Decoded != nil {
		*p.Decoded = m
	}
	return exact, nil
}

// members returns the members of user that an expression needs, and all members of user in the
// expression.
func members(p *expression.Program) (needed, all []string) {
	for _, n := range ast.MatchDescendants(ast.NavigateAST(p.AST.NativeRep()), ast.AllMatcher()) {
		switch n.Kind() {
		case ast.SelectKind:
			s := n.AsSelect()
			if of := s.Operand(); of.Kind() == ast.SelectKind && isUser(of.AsSelect().Operand()) && !s.IsTestOnly() {
				needed = append(needed, of.AsSelect().FieldName()+"."+s.FieldName())
			}
			if !isUser(s.Operand()) {
				continue
			}
			all = append(all, s.FieldName())
			if !s.IsTestOnly() {
				needed = append(needed, s.FieldName())
			}
		case ast.CallKind:
			c := n.AsCall()
			if c.FunctionName() == operators.OptSelect && len(c.Args()) == 2 && isUser(c.Args()[0]) {
				if name, ok := c.Args()[1].AsLiteral().Value().(string); ok {
					all = append(all, name)
				}
			}
		}
	}
	for _, list := range []*[]string{&needed, &all} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return needed, all
}

func isUser(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == "user" }

// Members returns the members of a user in the schemas.
func Members() ([]string, error) {
	seen := map[string]bool{}
	for _, name := range []string{events.UserCreated, events.UserUpdated} {
		text, err := schemas.JSON(name)
		if err != nil {
			return nil, err
		}
		var schema struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, err
		}
		for member := range schema.Properties {
			seen[member] = true
		}
	}
	var list []string
	for name := range seen {
		list = append(list, name)
	}
	slices.Sort(list)
	return list, nil
}

// Names returns the members of user in each rule, by the key of the rule.
func (s *Set) Names() map[string][]string {
	names := map[string][]string{}
	if s.scope != nil {
		names[s.scope.key] = s.scope.names
	}
	for _, f := range s.fields {
		names[f.value.key] = f.value.names
	}
	return names
}
