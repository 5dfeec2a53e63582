package httpapi

import (
	"encoding/json"
	"reflect"
	"strings"
)

// words are the accepted texts by key of a type.
var words = map[string][]string{
	"File.kind": {"http"}, "File.course_id": {courseText, courseNumber},
	"Rule.is":            {isDone, isAlready, isTaken, isGone, isNobody, isAgain, isPermanent, isUnusable},
	"Find.match":         {matchEmail, matchUserID},
	"Create.repeat":      {repeatNever, repeatSafe, repeatKeyed},
	"Change.repeat":      {repeatNever, repeatSafe, repeatKeyed, repeatHarmless},
	"Pages.by":           {byPage, byOffset, byIndex, byCursor, byLink, byPath},
	"Pages.until":        {untilEmpty, untilShort},
	"OAuth2.client_auth": {clientAuthBasic, clientAuthBody},
}

// SchemaID is the $id of Schema.
const SchemaID = "https://usher.dev/schemas/vendor-file/v1"

// Schema returns the JSON Schema (2020-12) of a file, for editors.
func Schema() ([]byte, error) {
	defs := map[string]any{
		"expression": map[string]any{"type": []string{"string", "number", "boolean"}, "description": "a CEL expression"},
		"value": map[string]any{
			"description": "texts are CEL expressions; numbers, true and false are themselves",
			"anyOf": []any{
				map[string]any{"type": []string{"string", "number", "boolean"}},
				map[string]any{"type": "object", "additionalProperties": refTo("value")},
				map[string]any{"type": "array", "items": refTo("value")},
			},
		},
	}
	top := object(reflect.TypeFor[File](), defs)
	top["$schema"], top["$id"], top["title"], top["$defs"] = "https://json-schema.org/draft/2020-12/schema", SchemaID, "Description of an API for kind: http", defs
	top["required"] = []string{"kind", "name", "check"}
	text, err := json.MarshalIndent(top, "", "  ")
	return append(text, '\n'), err
}

func refTo(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// object returns the schema of a struct.
func object(t reflect.Type, defs map[string]any) map[string]any {
	properties := map[string]any{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		one := schemaOf(f.Type, defs)
		if about := f.Tag.Get("about"); about != "" {
			one["description"] = about
		}
		if list := words[t.Name()+"."+name]; list != nil {
			one["enum"] = list
		}
		properties[name] = one
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// schemaOf returns the schema of a type. Structs become definitions.
func schemaOf(t reflect.Type, defs map[string]any) map[string]any {
	switch t {
	case reflect.TypeFor[Expr]():
		return refTo("expression")
	case reflect.TypeFor[Value]():
		return refTo("value")
	case reflect.TypeFor[Path]():
		return map[string]any{"type": "string", "pattern": "^(/[^?#]*)?$"}
	case reflect.TypeFor[Duration]():
		return map[string]any{"type": "string", "pattern": "^([0-9.]+(ms|s|m|h))+$"}
	case reflect.TypeFor[Literal]():
		return map[string]any{"type": []string{"string", "integer", "boolean"}}
	case reflect.TypeFor[Changes]():
		one := schemaOf(t.Elem(), defs)
		return map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), defs)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), defs)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), defs)}
	case reflect.Struct:
		name := strings.ToLower(t.Name())
		if defs[name] == nil {
			defs[name] = map[string]any{} // ends the recursion
			defs[name] = object(t, defs)
		}
		return refTo(name)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "string"}
}
