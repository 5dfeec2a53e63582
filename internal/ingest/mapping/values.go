package mapping

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/usherhq/usher/events"
)

// form is the required form of a member, in words.
type form string

const (
	textForm   form = "text"
	dateForm   form = "a date"   // as text: 2026-09-01
	momentForm form = "a moment" // as text: RFC 3339
	timeForm   form = "a time"   // of the event
	objectForm form = "an object"
	listForm   form = "a list"
	anyForm    form = "a JSON value"
)

// formOf returns the form required by a schema.
func formOf(kind, format string) form {
	switch {
	case kind == "object":
		return objectForm
	case kind != "string":
		return anyForm
	case format == "date":
		return dateForm
	case format == "date-time":
		return momentForm
	default:
		return textForm
	}
}

// takes maps types of CEL to possible forms. The form of other types is only known with the
// payload.
var takes = map[types.Kind][]form{
	types.BoolKind:      {anyForm},
	types.IntKind:       {anyForm, textForm, dateForm, momentForm, timeForm},
	types.UintKind:      {anyForm, textForm, dateForm, momentForm, timeForm},
	types.DoubleKind:    {anyForm, dateForm, momentForm, timeForm},
	types.StringKind:    {anyForm, textForm, dateForm, momentForm, timeForm},
	types.TimestampKind: {anyForm, textForm, dateForm, momentForm, timeForm},
	types.MapKind:       {anyForm, objectForm},
	types.ListKind:      {anyForm, listForm},
	types.BytesKind:     {},
	types.DurationKind:  {},
	types.TypeKind:      {},
}

// canTake reports whether a value of this CEL type can have the form.
func (f form) canTake(t *cel.Type) bool {
	if t.TypeName() == "optional_type" && len(t.Parameters()) == 1 {
		t = t.Parameters()[0]
	}
	forms, known := takes[t.Kind()]
	for _, one := range forms {
		if one == f {
			return true
		}
	}
	return !known
}

// take converts a value to the form: integers and times to text, times to dates. null and ""
// become nil.
func (f form) take(value any) (any, error) {
	if value == nil || value == "" {
		return nil, nil
	}
	switch f {
	case textForm:
		return toText(value)
	case dateForm:
		return toDate(value)
	case momentForm, timeForm:
		at, err := toTime(value)
		return at.Format(time.RFC3339Nano), err
	case objectForm:
		if _, ok := value.(map[string]any); !ok {
			return nil, misfit(value, f)
		}
	}
	return value, nil
}

// misfit returns the error for a value with another form, without the value.
func misfit(value any, f form) error {
	is := "a boolean"
	switch value.(type) {
	case string:
		is = "other text"
	case int64, uint64, float64:
		is = "a number"
	case time.Time:
		is = "a time"
	case []any:
		is = "a list"
	case map[string]any:
		is = "an object"
	}
	return fmt.Errorf("yields %s, want %s", is, f)
}

func toText(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	}
	return nil, misfit(value, textForm)
}

// toDate returns a date unchanged, and the written date of a time.
func toDate(value any) (any, error) {
	if s, ok := value.(string); ok {
		if _, err := time.Parse(time.DateOnly, s); err == nil {
			return s, nil
		}
	}
	at, err := toTime(value)
	if err != nil {
		return nil, misfit(value, dateForm)
	}
	return at.Format(time.DateOnly), nil
}

// toTime parses RFC 3339 or Unix time: seconds below 1e11 (the year 5138), or else
// milliseconds.
func toTime(value any) (time.Time, error) {
	var n float64
	switch v := value.(type) {
	case time.Time:
		return v, nil
	case string:
		at, err := events.ParseTime(v)
		if err != nil {
			return at, misfit(value, timeForm)
		}
		return at, nil
	case int64:
		n = float64(v)
	case uint64:
		n = float64(v)
	case float64:
		n = v
	default:
		return time.Time{}, misfit(value, timeForm)
	}
	const seconds, last = 1e11, 253402300799999 // the end of the year 9999
	if math.Abs(n) < seconds {
		n *= 1000
	}
	if n < 0 || n > last {
		return time.Time{}, misfit(value, timeForm)
	}
	return time.UnixMilli(int64(math.Round(n))).UTC(), nil
}
