package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/schemas"
)

// mapped is a file whose rows become events.
type mapped struct {
	Cmd
	table
	valid   *schemas.Set
	members map[string]string // column → member
	unused  map[string]bool   // names of JSON lines without a member
}

// mappedRow is a row as an event, or the reason why not.
type mappedRow struct {
	line  int
	event events.Event
	why   string
}

// attributes precedes the name of an attribute.
const attributes = "attributes."

// findColumns finds the member of each column, and returns warnings for columns without one.
func (m *mapped) findColumns() (unused []string, err error) {
	m.members, m.unused = map[string]string{}, map[string]bool{}
	for _, member := range slices.Sorted(maps.Keys(m.Map)) {
		column := m.Map[member]
		if err := m.knows("--map", member); err != nil {
			return nil, err
		}
		if m.columns != nil && !slices.Contains(m.columns, column) {
			return nil, fmt.Errorf("--map %s=%s: there is no column %s: the columns are %s", member, column, column, strings.Join(m.columns, ", "))
		}
		m.members[column] = member
	}
	for member := range m.Set {
		if err := m.knows("--set", member); err != nil {
			return nil, err
		}
	}
	for _, column := range m.columns {
		if column != "" && m.memberOf(column) == "" {
			unused = append(unused, notUsed(column))
		}
	}
	return unused, m.missing()
}

// notUsed returns the warning for a column without a member.
func notUsed(column string) string {
	return fmt.Sprintf("column %s is not used: name its member by --map MEMBER=%s", column, column)
}

// knows returns an error unless the schema of the type has a member, or the member is an attribute.
func (m *mapped) knows(flag, member string) error {
	if strings.HasPrefix(member, attributes) || slices.Contains(m.valid.Members(m.Type), member) {
		return nil
	}
	advice := "the members are " + strings.Join(m.valid.Members(m.Type), ", ") + ", and attributes.NAME"
	if near := m.valid.Nearest(member, m.Type); near != "" {
		advice = "did you mean " + near + "?"
	}
	return fmt.Errorf("%s: %s has no member %s; %s", flag, m.Type, member, advice)
}

// missing returns an error for required members without a column.
func (m *mapped) missing() error {
	var faults []error
	for _, member := range m.valid.Required(m.Type) {
		has := func(column string) bool { return m.memberOf(column) == member }
		if m.columns != nil && m.Set[member] == "" && !slices.ContainsFunc(m.columns, has) {
			faults = append(faults, fmt.Errorf("no column is %s: add --map %s=COLUMN; the columns are %s", member, member, strings.Join(m.columns, ", ")))
		}
	}
	return errors.Join(faults...)
}

// memberOf returns the member of a column: by --map, or by the name without case and separators.
func (m *mapped) memberOf(column string) string {
	if member := m.members[column]; member != "" {
		return member
	}
	if strings.HasPrefix(column, attributes) {
		return column
	}
	for _, member := range m.valid.Members(m.Type) {
		if schemas.Letters(member) == schemas.Letters(column) && m.Map[member] == "" {
			return member
		}
	}
	return ""
}

// events returns the rows as events.
func (m *mapped) events() iter.Seq2[mappedRow, error] {
	return func(yield func(mappedRow, error) bool) {
		for r, err := range m.rows {
			if err != nil {
				yield(mappedRow{}, err)
				return
			}
			if !yield(m.event(r), nil) {
				return
			}
		}
	}
}

// event returns a row as an event.
func (m *mapped) event(r row) mappedRow {
	out := mappedRow{line: r.line, why: r.why}
	if r.why != "" {
		return out
	}
	data, err := json.Marshal(m.data(r))
	if err == nil {
		sum := sha256.Sum256(append([]byte(m.Type+"\n"), data...))
		out.event, err = events.New(m.Type, m.Source, hex.EncodeToString(sum[:16]), time.Now().UTC(), json.RawMessage(data))
	}
	if err == nil {
		err = m.valid.Validate(out.event)
	}
	if bad, ok := errors.AsType[*events.InvalidError](err); ok {
		out.why = fmt.Sprintf("%s: %s: %s", bad.Pointer, bad.Rule, bad.Detail)
	} else if err != nil {
		out.why = err.Error()
	}
	return out
}

// data returns the data of the event of a row.
func (m *mapped) data(r row) map[string]any {
	data := map[string]any{}
	for member, value := range m.Set {
		put(data, member, value)
	}
	for column, value := range r.values {
		if member := m.memberOf(column); member != "" {
			put(data, member, value)
		} else if m.columns == nil {
			m.unused[column] = true
		}
	}
	return data
}

// put sets a member of the data, or an attribute.
func put(data map[string]any, member string, value any) {
	name, ok := strings.CutPrefix(member, attributes)
	if !ok {
		data[member] = value
		return
	}
	all, ok := data["attributes"].(map[string]any)
	if !ok {
		all = map[string]any{}
		data["attributes"] = all
	}
	all[name] = value
}
