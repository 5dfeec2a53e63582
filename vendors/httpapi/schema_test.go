package httpapi_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/usherhq/usher/vendors/httpapi"
)

var update = flag.Bool("update", false, "write schemas/vendor-file.schema.json")

const (
	schemaFile = "../../schemas/vendor-file.schema.json"
	page       = "../../docs/http-vendors.md"
)

func TestSchemaIsOfTheTypes(t *testing.T) {
	want, err := httpapi.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schemas/vendor-file.schema.json differs from the types: run go test ./vendors/httpapi -run TestSchemaIsOfTheTypes -update")
	}
}

// examples returns the examples of the page, by number.
func examples(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, found := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
		out = append(out, string(found[1]))
	}
	return out
}

// example returns the first example of the page that is a whole file.
func example(t *testing.T) string {
	t.Helper()
	for _, text := range examples(t) {
		if strings.HasPrefix(text, "kind: http") {
			return text
		}
	}
	t.Fatal("the page has no file")
	return ""
}

// TestExamplesAreFiles puts each example of the page into a whole file, and checks it.
func TestExamplesAreFiles(t *testing.T) {
	whole := example(t)
	for _, text := range examples(t) {
		for part := range strings.SplitSeq(text, "---\n") {
			if strings.HasPrefix(part, "vendors:") {
				continue
			}
			if _, err := httpapi.Parse("acme.yaml", []byte(replaced(t, whole, part))); err != nil {
				t.Errorf("%s\n%v", part, err)
			}
		}
	}
}

// replaced returns a file with the keys of a part. All settings in the expressions are there.
func replaced(t *testing.T, whole, part string) string {
	t.Helper()
	var file, keys map[string]yaml.Node
	if err := errors.Join(yaml.Unmarshal([]byte(whole), &file), yaml.Unmarshal([]byte(part), &keys)); err != nil {
		t.Fatal(err)
	}
	for key, value := range keys {
		file[key] = value
	}
	settings := map[string]map[string]bool{}
	for _, found := range regexp.MustCompile(`set\.(\w+)`).FindAllStringSubmatch(whole+part, -1) {
		settings[found[1]] = map[string]bool{"secret": true}
	}
	var node yaml.Node
	if err := node.Encode(settings); err != nil {
		t.Fatal(err)
	}
	if _, ok := keys["settings"]; !ok {
		file["settings"] = node
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSchemaTakesTheExample(t *testing.T) {
	text, err := httpapi.Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(httpapi.SchemaID, document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(httpapi.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	var file, wrong map[string]any
	if err := yaml.Unmarshal([]byte(example(t)), &file); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(file); err != nil {
		t.Error(err)
	}
	if err := yaml.Unmarshal([]byte(strings.Replace(example(t), "repeat: safe", "repeat: always", 1)), &wrong); err != nil {
		t.Fatal(err)
	}
	if schema.Validate(wrong) == nil {
		t.Error("the schema takes repeat: always")
	}
}

// TestPageHasAllKeys checks that the page names every key of the types.
func TestPageHasAllKeys(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for name := range keysOf(reflect.TypeFor[httpapi.File](), map[reflect.Type]bool{}) {
		if !regexp.MustCompile("[`{ ]" + name + "[`:]").Match(text) {
			t.Errorf("docs/http-vendors.md lacks the key %s", name)
		}
	}
}

// keysOf returns the keys of a type and of the types in it.
func keysOf(t reflect.Type, seen map[reflect.Type]bool) map[string]bool {
	keys := map[string]bool{}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return keys
	}
	seen[t] = true
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" {
			keys[name] = true
			for inner := range keysOf(f.Type, seen) {
				keys[inner] = true
			}
		}
	}
	return keys
}
