package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/vendors"
)

// object is a JSON Schema.
type object = map[string]any

const schemaPath = "schemas/usher.schema.json"

// TestConfigurationSchema makes schemas/usher.schema.json from the types of the configuration, with
// the texts of docs/configuration.md.
func TestConfigurationSchema(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schemaMaker{meanings(t)}.whole()); err != nil {
		t.Fatal(err)
	}
	if *update {
		put(t, schemaPath, text.String())
	}
	if diff := gocmp.Diff(text.String(), string(read(t, schemaPath))); diff != "" {
		t.Errorf("%s is stale: go test ./cmd/usher -run TestConfigurationSchema -update (-want +have)\n%s", schemaPath, diff)
	}
}

// TestExamplesFitSchema validates the example file and the settings in all documents by the schema
// that editors read.
func TestExamplesFitSchema(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	schema := compiled(t)
	if problem := validate(t, schema, string(read(t, "deploy/usher.example.yaml"))); problem != nil {
		t.Errorf("deploy/usher.example.yaml: %v", problem)
	}
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*.md", "examples/*.md", "vendors/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	settings, n := reflect.TypeFor[config.Config](), 0
	for _, page := range pages {
		for _, block := range yamlBlock.FindAllStringSubmatch(string(read(t, page)), -1) {
			var keys map[string]yaml.Node
			if yaml.Unmarshal([]byte(block[1]), &keys) != nil || !slices.ContainsFunc(slices.Collect(maps.Keys(keys)), func(key string) bool { return hasKey(settings, key) }) {
				continue // a file of another program
			}
			n++
			if problem := validate(t, schema, block[1]); problem != nil {
				t.Errorf("%s: %v\n%s", page, problem, block[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("%d examples were validated, want those of all documents", n)
	}
}

// TestSchemaRefuses validates files that usher config check rejects.
func TestSchemaRefuses(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	schema := compiled(t)
	for name, text := range map[string]string{
		"an unknown key":                "worker: {ack_wiat: 8s}",
		"an unknown key at the top":     "vendor: {}",
		"a text for a number":           "http: {connections: many}",
		"a duration without unit":       "worker: {ack_wait: 8x}",
		"a key of another vendor":       "vendors: {lead: {api_key: x}}",
		"an instance without kind":      "vendors: {school: {rate: 5}}",
		"an instance of no kind":        "vendors: {school: {kind: miestor}}",
		"a key of another kind":         "vendors: {school: {kind: miestro, app_id: x}}",
		"a word":                        "log: {level: loud}",
		"an unknown change":             "vendors: {lead: {may: [creat]}}",
		"an unknown key of a person":    "console: {people: [{nam: ann}]}",
		"an unknown key of a target":    "notify: {targets: [{nam: a}]}",
		"an unknown format":             "notify: {targets: [{name: a, format: slak}]}",
		"an unknown key of a sender":    "webhooks: {clerk: {shceme: standard}}",
		"a list in place of a mapping":  "courses: [go-101]",
		"a mapping in place of a value": "http: {addr: {host: x}}",
	} {
		if validate(t, schema, text) == nil {
			t.Errorf("%s: the schema allows %s", name, text)
		}
		file := filepath.Join(t.TempDir(), "usher.yaml")
		put(t, file, text)
		if _, err := config.Load(config.Sources{Path: file, Vendors: catalog().Sections(), Instance: catalog().Instance}); err == nil {
			t.Errorf("%s: usher config check allows %s", name, text)
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile(schemaPath)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// validate returns the fault of a YAML text.
func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

// hasKey reports whether a struct has a field with this key.
func hasKey(of reflect.Type, key string) bool {
	for field := range of.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name == key {
			return true
		}
	}
	return false
}

// schemaMaker makes the schema of the configuration.
type schemaMaker struct{ meanings map[string]string }

// whole returns the schema of the file.
func (m schemaMaker) whole() object {
	s := m.structure(reflect.TypeFor[config.Config](), "")
	kinds := object{}
	byKind := []any{}
	properties := object{}
	for _, section := range catalog().Sections() {
		kinds[section.Name] = m.section(section)
		at := object{"$ref": "#/$defs/" + section.Name}
		properties[section.Name] = at
		byKind = append(byKind, object{"if": object{"properties": object{"kind": object{"const": section.Name}}}, "then": at})
	}
	kinds["http"] = m.described()
	byKind = append(byKind, object{"if": object{"properties": object{"kind": object{"const": "http"}}}, "then": object{"$ref": "#/$defs/http"}})
	s["properties"].(object)["vendors"] = object{
		"type": []string{"object", "null"}, "properties": properties,
		"additionalProperties": object{
			"type": "object", "required": []string{"kind"}, "allOf": byKind,
			"properties": object{"kind": object{"enum": slices.Sorted(maps.Keys(kinds))}},
		},
	}
	s["$schema"], s["title"], s["$defs"] = "https://json-schema.org/draft/2020-12/schema", "The configuration of Usher (usher.yaml)", kinds
	return s
}

// described returns the schema of a vendor of kind http: its file declares further settings.
func (m schemaMaker) described() object {
	all := m.structure(reflect.TypeFor[config.Rules](), "")
	maps.Copy(all["properties"].(object), m.structure(reflect.TypeFor[vendors.Settings](), "")["properties"].(object))
	all["properties"].(object)["file"] = object{"type": "string", "description": "the description of the API; see docs/http-vendors.md"}
	all["required"], all["additionalProperties"] = []string{"file"}, true
	return all
}

// section returns the schema of the settings and the rules of a vendor.
func (m schemaMaker) section(of config.Section) object {
	path := "vendors." + of.Name
	own := m.structure(reflect.TypeOf(of.Settings).Elem(), path)
	all := m.structure(reflect.TypeFor[config.Rules](), path)
	if mode, has := own["properties"].(object)["mode"]; has { // of the vendor, of the team, or both
		text := object{"type": "string"}
		mode.(object)["anyOf"] = []any{text, object{"type": "array", "items": text}}
		delete(mode.(object), "type")
	}
	maps.Copy(all["properties"].(object), own["properties"].(object))
	return all
}

// structure returns the schema of a struct.
func (m schemaMaker) structure(of reflect.Type, path string) object {
	properties := object{}
	for field := range of.Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case option == "inline":
			maps.Copy(properties, m.structure(field.Type, path)["properties"].(object))
		case name != "" && name != "-":
			s := m.value(field.Type, at)
			if text := cmp.Or(m.meanings[at], ruleMeanings[name]); text != "" {
				s["description"] = text
			}
			properties[name] = s
		}
	}
	return object{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// ruleMeanings are the texts of the rules of a vendor; see docs/instances.md, rules.md and leaving.md.
var ruleMeanings = map[string]string{
	"kind": "the kind of the vendor; default the name", "may": "changes that Usher may make; default all",
	"mode": "live, shadow (reads only) or off", "start": "of a new vendor: all, now, or a time",
	"scope": "expression over the users with an account; default all users", "map": "field of the account: expression",
	"on_delete": "change for user.deleted: delete, disable or keep", "on_unknown": "user.deleted of a user without a known account and without e-mail: fail or skip", "on_leave": "change for a user who leaves the scope: keep, disable or delete",
	"delete_after": "time from the disabling of an account to its deletion; default never",
	"deletions":    "limits of the deletion guard for this vendor; default the limits over all vendors",
}

// words are the settings with a few values.
var words = map[string][]any{
	"log.level": {"trace", "debug", "info", "warn", "error"}, "log.format": {"auto", "json", "console"},
	"activity.order": {config.OrderUser, config.OrderNone}, "notify.targets.format": asAny(config.NotifyFormats()),
}

func asAny(list []string) (out []any) {
	for _, one := range list {
		out = append(out, one)
	}
	return out
}

// wordsOf are the types with a few values.
var wordsOf = map[reflect.Type][]any{
	reflect.TypeFor[config.Mode]():     {config.Live, config.Shadow, config.Off},
	reflect.TypeFor[config.OnDelete](): {config.DeleteAccount, config.DisableAccount, config.KeepAccount},
	reflect.TypeFor[config.OnLeave]():  {config.DeleteAccount, config.DisableAccount, config.KeepAccount},
}

const durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`

// value returns the schema of a value. null stands for the default.
func (m schemaMaker) value(of reflect.Type, path string) object {
	if list := append(slices.Clone(words[path]), wordsOf[of]...); len(list) > 0 {
		return object{"enum": append(list, nil)}
	}
	text := object{"type": []string{"string", "number", "boolean", "null"}} // YAML may read a text as another value
	switch of {
	case reflect.TypeFor[time.Duration]():
		return object{"type": []string{"string", "integer", "null"}, "pattern": durationPattern}
	case reflect.TypeFor[config.Sync]():
		return object{"type": []string{"string", "null"}, "pattern": `^always$|` + durationPattern}
	case reflect.TypeFor[config.Bytes]():
		return object{"type": []string{"integer", "string", "null"}, "pattern": `^ *[0-9]+ *([KMGTkmgt]?([iI]?[bB])?)$`}
	case reflect.TypeFor[config.Names](), reflect.TypeFor[config.Tokens]():
		return object{"type": []string{"array", "string", "null"}, "items": object{"type": []string{"string", "number"}}}
	case reflect.TypeFor[config.May]():
		return object{"type": []string{"array", "null"}, "items": object{"enum": config.Changes()}}
	case reflect.TypeFor[config.Map]():
		part := object{"type": "object", "properties": object{"value": text, "at": object{"type": []string{"array", "string"}}}, "additionalProperties": false}
		return object{"type": []string{"object", "null"}, "additionalProperties": object{"anyOf": []any{text, part}}}
	case reflect.TypeFor[yaml.Node](), reflect.TypeFor[any]():
		return object{}
	case reflect.TypeFor[vendors.Secret]():
		return text
	}
	switch of.Kind() {
	case reflect.Struct:
		return m.structure(of, path)
	case reflect.Slice:
		return object{"type": []string{"array", "null"}, "items": m.value(of.Elem(), path)}
	case reflect.Map:
		return object{"type": []string{"object", "null"}, "additionalProperties": m.value(of.Elem(), path)}
	case reflect.Pointer:
		return m.value(of.Elem(), path)
	case reflect.Int:
		return object{"type": []string{"integer", "null"}}
	case reflect.Float64:
		return object{"type": []string{"number", "null"}}
	case reflect.Bool:
		return object{"type": []string{"boolean", "null"}}
	default:
		return text
	}
}
