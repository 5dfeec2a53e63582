package vendors

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

var (
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	numberType      = reflect.TypeFor[json.Number]()
)

// fit returns a JSON value in the form that a type expects. Vendors' programs confuse some forms
// without a change of meaning: PHP writes a list with gaps as an object ({"0":…,"2":…}), an empty
// object as a list ([]), a missing text as false, and some encoders write a text of digits as a
// number. at is the place of the value. An error names the place, and never a value.
func fit(value any, t reflect.Type, at string) (any, error) {
	switch {
	case value == nil:
		return nil, nil //nolint:nilnil // the value is JSON null
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return value, fitsUnmarshaler(value, t, at)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return fit(value, t.Elem(), at)
	case reflect.Struct:
		return fitObject(value, t, at)
	case reflect.Map:
		return fitMap(value, at)
	case reflect.Slice:
		return fitList(value, t, at)
	case reflect.String:
		return fitText(value, t, at)
	default:
		return value, nil
	}
}

// misfit returns the error of a value at a place.
func misfit(at, wanted string) error {
	if at == "" {
		return fmt.Errorf("the response is not %s", wanted)
	}
	return fmt.Errorf("the response has no proper value at %s: want %s", at, wanted)
}

// fitsUnmarshaler returns an error if a type with a reader of its own does not read the value.
func fitsUnmarshaler(value any, t reflect.Type, at string) error {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(t).Interface())
	}
	if err != nil {
		return misfit(at, wantedOf(t))
	}
	return nil
}

// wantedOf returns the form that a type reads.
func wantedOf(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Struct:
		return "an object"
	}
	return "the value of the vendor's document"
}

func fitObject(value any, t reflect.Type, at string) (any, error) {
	object, ok := value.(map[string]any)
	if list, isList := value.([]any); isList && len(list) == 0 {
		return map[string]any{}, nil
	}
	if !ok {
		return nil, misfit(at, "an object")
	}
	for name := range object {
		field, known := fieldOf(t, name)
		if !known {
			continue
		}
		member, err := fit(object[name], field.Type, at+"/"+jsonName(field))
		if err != nil {
			return nil, err
		}
		object[name] = member
	}
	return object, nil
}

// fieldOf returns the field of a struct for a member, as encoding/json finds the field.
func fieldOf(t reflect.Type, member string) (reflect.StructField, bool) {
	var alike reflect.StructField
	found := false
	for _, f := range reflect.VisibleFields(t) {
		switch name := jsonName(f); {
		case !f.IsExported() || f.Anonymous || name == "-":
		case name == member:
			return f, true
		case strings.EqualFold(name, member):
			alike, found = f, true
		}
	}
	return alike, found
}

// jsonName returns the name of a field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// fitMap returns an object. A list becomes an object by position, as PHP has no difference.
func fitMap(value any, at string) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		return value, nil
	case []any:
		object := make(map[string]any, len(value))
		for i, item := range value {
			object[strconv.Itoa(i)] = item
		}
		return object, nil
	default:
		return nil, misfit(at, "an object")
	}
}

func fitList(value any, t reflect.Type, at string) (any, error) {
	list, ok := value.([]any)
	if object, isObject := value.(map[string]any); isObject {
		list, ok = listOf(object)
	}
	if !ok {
		return nil, misfit(at, "a list")
	}
	for i := range list {
		item, err := fit(list[i], t.Elem(), at+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		list[i] = item
	}
	return list, nil
}

// listOf returns the members of an object by number. ok is false if a name is no number.
func listOf(object map[string]any) (list []any, ok bool) {
	keys := make([]int, 0, len(object))
	for name := range object {
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 || strconv.Itoa(n) != name {
			return nil, false
		}
		keys = append(keys, n)
	}
	slices.Sort(keys)
	list = make([]any, 0, len(keys))
	for _, n := range keys {
		list = append(list, object[strconv.Itoa(n)])
	}
	return list, true
}

func fitText(value any, t reflect.Type, at string) (any, error) {
	if text, ok := value.(string); ok && t == numberType {
		return numberOf(text, at)
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case json.Number:
		if t == numberType {
			return value, nil
		}
		if n, err := wholeNumber(value.String()); err == nil {
			return strconv.Itoa(n), nil
		}
		return value.String(), nil
	case bool:
		if !value {
			return "", nil
		}
	}
	return nil, misfit(at, "a text")
}

// numberOf returns the number in a text, or nil for a blank text.
func numberOf(text, at string) (any, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, nil //nolint:nilnil // the value is JSON null
	case !decimal.MatchString(text):
		return nil, misfit(at, "a number")
	}
	return json.Number(text), nil
}

var errNotWhole = errors.New("not a whole number")
